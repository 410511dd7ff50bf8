/** Case 8: lost replies, and faults of the network between Redis and the service, and Redis and the executor. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { EventDraft } from '../../../src/domain/events.ts';
import { parseRunId, type RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { appendBatch, claimLog } from '../../../src/wire/append.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import type { RecordChanges } from '../../../src/wire/runRecord.ts';
import { createRun, finished, line } from '../../support/log.ts';
import type { FaultCase } from '../faultCase.ts';
import { digestOfLines } from '../follow/audit.ts';
import { atEach, following } from '../follow/following.ts';
import type { Scene } from '../scenario.ts';
import { type ProxyMode, startProxy } from '../stack/proxy.ts';
import type { Stack } from '../stack/stack.ts';

const APPENDS = 10_000;
const LINES_EACH = 5;
/** One more than lose their reply: the first one finds no script and is sent in another way. */
const appendsOf = (lines: number): number => Math.min(APPENDS, Math.round(lines / LINES_EACH)) + 1;

/** Every append loses its reply once. It is the real append (src/wire/append), repeated as the executor does. */
export const repliesLost: FaultCase = following({
  number: 8,
  name: 'replies-lost',
  title: '10,000 appends whose reply is lost (the proxy disconnects after Redis has replied): no duplicate',
  stack: { redis: 'always' },
  lines: ({ lines }) => appendsOf(lines) * LINES_EACH,
  seconds: 60,
  // The service does not know this run, so no supervisor looks for it.
  start: async ({ stack }) => await createRun(await stack.admin()),
  faults: async ({ stack, runId, lines, note, problem, bench }) => {
    const id = parseRunId(runId) as RunId;
    await using proxy = await startProxy((await stack.redisUrl()).slice('unix://'.length));
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
      const writer = await AppendingWriter.open(redis, id);
      const appends = appendsOf(bench.lines);
      // The first script call of a connection may get NOSCRIPT. Every second one loses its reply.
      proxy.loseAnswers('evalsha', 2);
      let number = 0;
      for (let batch = 0; batch < appends; batch += 1) {
        const drafts = Array.from({ length: LINES_EACH }, () => {
          number += 1;
          return line(`line ${number} of ${lines}`);
        });
        await writer.append(drafts);
        if (batch % 1000 === 999) bench.progress(`${batch + 1} appends, ${proxy.lostAnswers()} replies lost`);
      }
      proxy.loseAnswers('', 0);
      const lost = proxy.lostAnswers();
      const digest = digestOfLines(lines);
      await writer.append([{ ...finished(), lines, digest } as EventDraft], {
        status: 'COMPLETED',
        attempt: 1,
        digest,
      });
      note(`${appends} appends, ${writer.calls} calls, ${lost} replies lost`);
      if (lost < appends - 1) problem(`only ${lost} of ${appends} appends lost their reply`);
      return lost;
    } finally {
      redis.disconnect();
    }
  },
});

/** A writer that repeats each append until it gets a reply. */
class AppendingWriter {
  calls = 0;
  readonly #redis: Redis;
  readonly #id: RunId;
  readonly #writer: string;
  readonly #term: number;
  #firstSeq: number;

  private constructor(redis: Redis, id: RunId, writer: string, { term, lastSeq }: RunRecord) {
    this.#redis = redis;
    this.#id = id;
    this.#writer = writer;
    this.#term = term;
    this.#firstSeq = lastSeq + 1;
  }

  static async open(redis: Redis, id: RunId): Promise<AppendingWriter> {
    const writer = randomUUID();
    const claimed = await claimLog(redis, id, { writer, attempt: 1, statuses: ['PENDING'] });
    if (claimed.code !== 'OK') throw new Error(claimed.code);
    return new AppendingWriter(redis, id, writer, claimed.run);
  }

  /** With `changes` the batch is the end of the log. */
  async append(drafts: readonly EventDraft[], changes: RecordChanges | null = null): Promise<void> {
    const firstSeq = this.#firstSeq;
    const lines = changes === null ? drafts.length : 0;
    const request = {
      term: this.#term,
      writer: this.#writer,
      firstSeq,
      count: drafts.length,
      batch: encodeBatch(drafts, firstSeq, 1),
      lines,
      messageBytes: lines * 10,
      closes: changes !== null,
      changes: changes ?? {},
    };
    for (;;) {
      this.calls += 1;
      // ioredis never settles a command that a lost connection took with it (#2193), so the close event is awaited too.
      const cut = Promise.withResolvers<null>();
      const onClose = (): void => cut.resolve(null);
      this.#redis.once('close', onClose);
      const reply = await Promise.race([appendBatch(this.#redis, this.#id, request).catch(() => null), cut.promise]);
      this.#redis.off('close', onClose);
      if (reply?.code === 'OK') break;
      if (reply !== null) throw new Error(reply.code);
    }
    this.#firstSeq += drafts.length;
  }
}

const network = (name: string, title: string, faults: (scene: Scene) => Promise<number>): FaultCase =>
  following({ number: 8, name, title, stack: { redis: 'always', proxied: true }, faults });

const both = (stack: Stack) => [stack.serviceProxy, stack.executorProxy].filter((proxy) => proxy !== null);

export const executorReplies = network(
  'executor-replies-lost',
  'every third append of the real executor loses its reply',
  async ({ started, lines, stack }) => {
    stack.executorProxy?.loseAnswers('evalsha', 3);
    while (started.audit.lines < lines * 0.9 && !started.done) await delay(50);
    stack.executorProxy?.loseAnswers('', 0);
    return stack.executorProxy?.lostAnswers() ?? 0;
  },
);

/** Sets both networks to these modes, one after the other. */
const hurtBoth = (
  scene: Scene,
  times: readonly { readonly share: number; readonly mode: ProxyMode; readonly ms: number }[],
): Promise<number> =>
  atEach(
    scene,
    times.map(({ share }) => share),
    async (index) => {
      const { mode = 'open', ms = 0 } = times[index] ?? {};
      const proxies = both(scene.stack);
      for (const proxy of proxies) proxy.set(mode);
      await delay(ms);
      for (const proxy of proxies) proxy.set('open');
      return proxies.length;
    },
  );

export const netCut = network('network-cut', 'the network down for 0.2 to 7 s, in both directions', (scene) =>
  hurtBoth(scene, [
    { share: 0.15, mode: 'shut', ms: 200 },
    { share: 0.3, mode: 'shut', ms: 2000 },
    { share: 0.5, mode: 'shut', ms: 7000 },
    { share: 0.8, mode: 'shut', ms: 500 },
  ]),
);

export const netBlackhole = network(
  'network-blackhole',
  'no data moves for 12 s, without an error (then the old connections are gone)',
  (scene) => hurtBoth(scene, [{ share: 0.4, mode: 'blackhole', ms: 12_000 }]),
);

export const netOneWay = network('network-one-way', 'one direction down, to or from Redis, for 1 to 8 s', (scene) =>
  hurtBoth(scene, [
    { share: 0.15, mode: 'upCut', ms: 1000 },
    { share: 0.3, mode: 'downCut', ms: 1000 },
    { share: 0.5, mode: 'downCut', ms: 8000 },
    { share: 0.7, mode: 'upCut', ms: 8000 },
  ]),
);

export const netSlow = network('network-delay', '200 ms delay in each direction, from the start', async (scene) => {
  const { stack } = scene;
  for (const proxy of both(stack)) proxy.set('slow');
  await scene.at(0.95);
  for (const proxy of both(stack)) proxy.set('open');
  return both(stack).length;
});

export const netBytes = network('network-bytes', 'one byte at a time', async (scene) => {
  const { stack } = scene;
  for (const proxy of both(stack)) proxy.set('bytes');
  await scene.at(0.95);
  for (const proxy of both(stack)) proxy.set('open');
  return both(stack).length;
});
