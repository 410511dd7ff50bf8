/** Case 8: replies lost, and the network between service and Redis, and executor and Redis. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { EventDraft } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { appendBatch, claimLog } from '../../../src/log/append.ts';
import { encodeBatch } from '../../../src/log/codec.ts';
import { createRun, finished, line } from '../../support/log.ts';
import { digestOfLines } from '../audit.ts';
import type { FaultCase } from '../faultCase.ts';
import { startProxy } from '../proxy.ts';
import { type Scene, scenario } from '../scenario.ts';
import { Stack } from '../stack.ts';

/** Every append loses its answer once; the writer is the real one (src/log/append), repeated as the executor does. */
export const repliesLost: FaultCase = {
  number: 8,
  name: 'replies-lost',
  title: '10,000 appends whose reply is lost (the proxy cuts after Redis has answered): no duplicate',
  async run({ random, lines }) {
    const appends = Math.min(10_000, Math.max(500, Math.round(lines / 5)));
    const perAppend = Math.max(1, Math.round(lines / appends));
    const total = appends * perAppend;
    await using stack = await Stack.open({ redis: 'always' });
    await using proxy = await startProxy((await stack.redisUrl()).slice('unix://'.length));
    const writer = randomUUID();
    let id = '' as RunId;
    return await scenario({
      stack,
      random,
      lines: total,
      seconds: 60,
      start: async () => {
        // Not among the service's unfinished runs: no supervisor looks for it.
        id = await createRun(await stack.admin());
        return id;
      },
      faults: async ({ note }) => {
        const { hostname, port } = new URL(proxy.url);
        const redis = new Redis({
          host: hostname,
          port: Number(port),
          enableReadyCheck: false,
          disableClientInfo: true,
          maxRetriesPerRequest: null,
          autoResendUnfulfilledCommands: false,
          retryStrategy: () => 1,
        });
        redis.on('error', () => undefined);
        try {
          const claimed = await claimLog(redis, id, { writer, attempt: 1, statuses: ['PENDING'] });
          if (claimed.code !== 'OK') throw new Error(claimed.code);
          let firstSeq = claimed.run.lastSeq + 1;
          let calls = 0;
          const append = async (drafts: readonly EventDraft[], count: number): Promise<void> => {
            const closes = count === 0;
            const request = {
              term: claimed.run.term,
              writer,
              firstSeq,
              count: drafts.length,
              batch: encodeBatch(drafts, firstSeq, 1),
              lines: count,
              messageBytes: count * 10,
              closes,
              changes: closes ? ({ status: 'COMPLETED', attempt: 1, digest: digestOfLines(total) } as const) : {},
            };
            for (;;) {
              calls += 1;
              // A command that a cut took with it is never settled by ioredis (#2193): the close tells.
              const cut = Promise.withResolvers<null>();
              const onClose = (): void => cut.resolve(null);
              redis.once('close', onClose);
              const reply = await Promise.race([appendBatch(redis, id, request).catch(() => null), cut.promise]);
              redis.off('close', onClose);
              if (reply?.code === 'OK') break;
              if (reply !== null) throw new Error(reply.code);
            }
            firstSeq += drafts.length;
          };
          // The first script call of a connection may be answered NOSCRIPT; every second one loses its answer.
          proxy.loseAnswers('evalsha', 2);
          let number = 0;
          for (let batch = 0; batch < appends; batch += 1) {
            const drafts = Array.from({ length: perAppend }, () => {
              number += 1;
              return line(`line ${number} of ${total}`);
            });
            await append(drafts, perAppend);
          }
          proxy.loseAnswers('', 0);
          await append([{ ...finished(), lines: total, digest: digestOfLines(total) } as EventDraft], 0);
          note(`${appends} appends, ${calls} calls, ${proxy.lostAnswers()} answers lost`);
          return proxy.lostAnswers();
        } finally {
          redis.disconnect();
        }
      },
    });
  },
};

const network = (
  name: string,
  title: string,
  hurt: (scene: Scene, stack: Stack) => Promise<number>,
  more: { readonly seconds?: number } = {},
): FaultCase => ({
  number: 8,
  name,
  title,
  async run({ random, lines, seconds }) {
    await using stack = await Stack.open({ redis: 'always', proxied: true });
    return await scenario({
      stack,
      random,
      lines,
      seconds: more.seconds ?? seconds,
      faults: (scene) => hurt(scene, stack),
    });
  },
});

const both = (stack: Stack) => [stack.serviceProxy, stack.executorProxy].filter((proxy) => proxy !== null);

export const executorReplies = network(
  'executor-replies-lost',
  'every third append of the real executor loses its reply',
  async ({ started, lines }, stack) => {
    stack.executorProxy?.loseAnswers('evalsha', 3);
    while (started.audit.lines < lines * 0.9 && !started.done) await delay(50);
    stack.executorProxy?.loseAnswers('', 0);
    return stack.executorProxy?.lostAnswers() ?? 0;
  },
);

export const netCut = network('network-cut', 'the network cut for 0.2 to 7 s, on both ways', async (scene, stack) => {
  let faults = 0;
  for (const [share, ms] of [
    [0.15, 200],
    [0.3, 2000],
    [0.5, 7000],
    [0.8, 500],
  ] as const) {
    await scene.at(share);
    for (const proxy of both(stack)) proxy.set('shut');
    faults += both(stack).length;
    await delay(ms);
    for (const proxy of both(stack)) proxy.set('open');
  }
  return faults;
});

export const netBlackhole = network(
  'network-blackhole',
  'nothing moves for 12 s and nobody is told (then the old connections are gone)',
  async (scene, stack) => {
    await scene.at(0.4);
    for (const proxy of both(stack)) proxy.set('blackhole');
    await delay(12_000);
    for (const proxy of both(stack)) proxy.set('open');
    return both(stack).length;
  },
);

export const netOneWay = network('network-one-way', 'one way cut: up or down, for 1 to 8 s', async (scene, stack) => {
  let faults = 0;
  for (const [share, mode, ms] of [
    [0.15, 'upCut', 1000],
    [0.3, 'downCut', 1000],
    [0.5, 'downCut', 8000],
    [0.7, 'upCut', 8000],
  ] as const) {
    await scene.at(share);
    for (const proxy of both(stack)) proxy.set(mode);
    faults += both(stack).length;
    await delay(ms);
    for (const proxy of both(stack)) proxy.set('open');
  }
  return faults;
});

export const netSlow = network('network-delay', '200 ms delay each way, from the start', async (scene, stack) => {
  for (const proxy of both(stack)) proxy.set('slow');
  await scene.at(0.95);
  for (const proxy of both(stack)) proxy.set('open');
  return both(stack).length;
});

export const netBytes = network('network-bytes', 'one byte at a time', async (scene, stack) => {
  for (const proxy of both(stack)) proxy.set('bytes');
  await scene.at(0.95);
  for (const proxy of both(stack)) proxy.set('open');
  return both(stack).length;
});
