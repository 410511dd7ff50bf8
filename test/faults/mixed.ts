/** All faults at random, several at once, on a few runs with 20 viewers each: `npm run chaos -- --mixed MINUTES`. */
import { setTimeout as delay } from 'node:timers/promises';
import { request } from '../support/client.ts';
import { digestOfLines } from './audit.ts';
import { PlainViewer } from './plainViewer.ts';
import { loseUnsynced, makeFsyncRecorder } from './powerLoss.ts';
import type { NetworkProxy, ProxyMode } from './proxy.ts';
import { type Random, randomFrom } from './random.ts';
import { numbered, runOf } from './scenario.ts';
import { Stack } from './stack.ts';
import type { Verdict } from './verdict.ts';
import { Viewer } from './viewer.ts';

const LINES = 25_000;
const SECONDS = 8;
const VIEWERS = 20;
const RUNS_AT_ONCE = 2;
/** No viewer of a run got anything for this long, all faults being healed in a few seconds: it is stuck. */
const STUCK_MS = 90_000;

interface Tally {
  deliveries: number;
  lost: number;
  repeated: number;
  disordered: number;
  stuck: number;
  ends: number;
  wrongEnds: number;
  wrongDigests: number;
  plainLost: number;
  plainOf: number;
  readonly problems: string[];
}

interface Live {
  readonly startedAt: number;
  readonly share: () => number;
}

interface Fault {
  readonly name: string;
  /** What it hurts: one fault at a time on each. */
  readonly on: string;
  /** Puts it in and mends it. False where there was nothing to hurt now. */
  readonly run: () => Promise<boolean>;
}

export const mixed = async (minutes: number, seed: number, say: (line: string) => void): Promise<Verdict> => {
  const random = randomFrom(seed);
  await using recorder = await makeFsyncRecorder();
  await using stack = await Stack.open({ services: 2, redis: 'everysec', proxied: true, path: recorder.path });
  const tally: Tally = {
    deliveries: 0,
    lost: 0,
    repeated: 0,
    disordered: 0,
    stuck: 0,
    ends: 0,
    wrongEnds: 0,
    wrongDigests: 0,
    plainLost: 0,
    plainOf: 0,
    problems: [],
  };
  const live = new Map<string, Live & { readonly viewers: readonly Viewer[] }>();
  const until = performance.now() + minutes * 60_000;
  let endedAt = 0;
  const counts = new Map<string, number>();
  const faults = faultsOf(stack, random, {
    mayForget: () =>
      performance.now() - endedAt > 4000 &&
      live.size > 0 &&
      [...live.values()].every(
        (one) => performance.now() - one.startedAt > 4000 && one.share() > 0.05 && one.share() < 0.7,
      ),
    viewers: () => [...live.values()].flatMap((one) => one.viewers),
  });

  const runs = async (): Promise<void> => {
    while (performance.now() < until && tally.problems.length < 20) {
      await oneRun(stack, random, tally, live);
      endedAt = performance.now();
    }
  };
  const hurting = hurt(faults, random, counts, () => performance.now() < until);
  const told = setInterval(() => {
    const total = [...counts.values()].reduce((all, one) => all + one, 0);
    const { ends, deliveries, lost, repeated, disordered, stuck } = tally;
    say(
      `  ${total} faults, ${ends} runs, ${deliveries} deliveries, lost ${lost}, twice ${repeated}, order ${disordered}, stuck ${stuck}`,
    );
  }, 60_000);
  await Promise.all(Array.from({ length: RUNS_AT_ONCE }, runs));
  clearInterval(told);
  await hurting;
  const total = [...counts.values()].reduce((all, one) => all + one, 0);
  return {
    faults: total,
    delivered: tally.deliveries,
    lost: tally.lost,
    repeated: tally.repeated,
    disordered: tally.disordered,
    stuck: tally.stuck,
    endRight: tally.wrongEnds === 0 && tally.ends > 0,
    digestRight: tally.wrongDigests === 0,
    plainLost: tally.plainLost,
    plainOf: tally.plainOf,
    notes: [
      `${tally.ends} runs of ${LINES} lines with ${VIEWERS} viewers each`,
      [...counts]
        .sort()
        .map(([name, count]) => `${count} ${name}`)
        .join(', '),
    ],
    problems: tally.problems.slice(0, 20),
  };
};

const oneRun = async (
  stack: Stack,
  random: Random,
  tally: Tally,
  live: Map<string, Live & { readonly viewers: readonly Viewer[] }>,
): Promise<void> => {
  const id = await start(stack, random);
  stack.runs.push(id);
  const urls = stack.urls;
  const viewers: Viewer[] = [];
  const plain = [new PlainViewer(id, stack.plainUrls, random)];
  for (let i = 0; i < VIEWERS * 0.4; i += 1) viewers.push(new Viewer({ runId: id, urls, random }));
  for (let i = 0; i < VIEWERS * 0.3; i += 1)
    viewers.push(new Viewer({ runId: id, urls, random, restless: [500, 4000] }));
  const first = viewers[0];
  live.set(id, { startedAt: performance.now(), share: () => (first?.audit.lines ?? 0) / LINES, viewers });
  try {
    while (viewers.length < VIEWERS) {
      await delay(random.between(0, (2000 * SECONDS) / (VIEWERS * 0.3)));
      viewers.push(new Viewer({ runId: id, urls, random }));
    }
    while (viewers.some((one) => !one.done)) {
      const heard = Math.max(...viewers.map((one) => one.heardAt));
      if (performance.now() - heard > STUCK_MS) break;
      await delay(100);
    }
  } finally {
    live.delete(id);
    for (const one of [...viewers, ...plain]) one.stop();
  }
  const digest = digestOfLines(LINES);
  tally.ends += 1;
  for (const { audit, done, refused, falseEnds } of viewers) {
    tally.deliveries += audit.lines;
    tally.lost += Math.max(LINES - audit.lines, audit.lost);
    tally.repeated += audit.repeated;
    tally.disordered += audit.disordered + audit.altered;
    if (!done) tally.stuck += 1;
    const right =
      audit.ends === 1 && audit.finished?.finalStatus === 'COMPLETED' && refused === null && falseEnds === 0;
    if (!right) tally.wrongEnds += 1;
    if (audit.digest !== digest || audit.finished?.digest !== digest) tally.wrongDigests += 1;
    if (right && audit.lines === LINES && audit.altered + audit.repeated === 0) continue;
    if (tally.problems.length > 20) continue;
    tally.problems.push(
      `${id}: ${audit.lines} lines, last seq ${audit.last}, ${audit.ends} end(s) ${audit.finished?.finalStatus} ${audit.finished?.failure?.reason ?? ''}, refused ${refused}, false ends ${falseEnds}, lost ${audit.lost}, dropped ${audit.dropped}, altered ${audit.altered}, repeated ${audit.repeated}`,
    );
  }
  if (viewers.some((one) => !one.done)) {
    const run = await runOf(stack.urls()[0] ?? '', id).catch(() => null);
    tally.problems.push(`${id}: stuck, the record says ${JSON.stringify(run)}`);
  }
  tally.plainLost += plain.reduce((all, one) => all + Math.max(LINES - one.lines, 0), 0);
  tally.plainOf += LINES * plain.length;
};

/** startRun as a careful client: repeated under one idempotency key. */
const start = async (stack: Stack, random: Random): Promise<string> => {
  const idempotencyKey = `${random.seed}-${random.next()}`;
  const input = { command: [...numbered(LINES, SECONDS)], idempotencyKey };
  for (let turn = 0; ; turn += 1) {
    const urls = stack.urls();
    const url = urls[turn % urls.length];
    const query = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
    const answer = url === undefined ? null : await request(url, query, { input }).catch(() => null);
    const id = (answer?.data?.startRun as { run?: { id?: string } } | undefined)?.run?.id;
    if (id !== undefined) return id;
    await delay(200);
  }
};

const hurt = async (
  faults: readonly [Fault, ...Fault[]],
  random: Random,
  counts: Map<string, number>,
  goOn: () => boolean,
): Promise<void> => {
  const busy = new Set<string>();
  const under = new Set<Promise<void>>();
  while (goOn()) {
    await delay(random.between(50, 450));
    const fault = random.pick(faults);
    if (busy.has(fault.on)) continue;
    busy.add(fault.on);
    const done = fault
      .run()
      .then((hurtIt) => {
        if (hurtIt) counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      })
      .finally(() => {
        busy.delete(fault.on);
        under.delete(done);
      });
    under.add(done);
  }
  await Promise.all(under);
};

interface Scenery {
  /** Whether Redis may lose its last second now: no run began or ended just now. */
  readonly mayForget: () => boolean;
  readonly viewers: () => readonly Viewer[];
}

const faultsOf = (stack: Stack, random: Random, { mayForget, viewers }: Scenery): readonly [Fault, ...Fault[]] => {
  const service = (index: number): Fault[] => [
    {
      name: 'kill -9 of a service',
      on: `service ${index}`,
      run: async () => {
        await stack.kill(index);
        await delay(random.between(0, 1500));
        await startAgain(stack, index);
        return true;
      },
    },
    {
      name: 'SIGTERM of a service',
      on: `service ${index}`,
      run: async () => {
        await stack.kill(index, 'SIGTERM');
        await startAgain(stack, index);
        return true;
      },
    },
    {
      name: 'SIGSTOP of a service',
      on: `service ${index}`,
      run: async () => {
        process.kill(stack.pidOf(index), 'SIGSTOP');
        await delay(random.between(200, 4000));
        process.kill(stack.pidOf(index), 'SIGCONT');
        return true;
      },
    },
  ];
  const network = (name: string, proxy: () => NetworkProxy | null): Fault[] => [
    { name: `connections cut, ${name}`, on: name, run: async () => (proxy()?.cut() ?? 0) > 0 },
    ...(['shut', 'blackhole', 'upCut', 'downCut', 'slow', 'bytes'] as const).map(
      (mode: ProxyMode): Fault => ({
        name: `network ${mode}, ${name}`,
        on: name,
        run: async () => {
          proxy()?.set(mode);
          await delay(random.between(200, 3000));
          proxy()?.set('open');
          return true;
        },
      }),
    ),
    {
      name: `answers lost, ${name}`,
      on: name,
      run: async () => {
        const before = proxy()?.lostAnswers() ?? 0;
        proxy()?.loseAnswers('evalsha', 2);
        await delay(random.between(200, 1500));
        proxy()?.loseAnswers('', 0);
        return (proxy()?.lostAnswers() ?? 0) > before;
      },
    },
  ];
  const restart = async (forget: boolean): Promise<boolean> => {
    if (forget) await loseUnsynced(stack.redisDirectory, await stack.redisPid());
    await stack.killRedis();
    await delay(random.between(0, 1500));
    await stack.startRedis();
    return true;
  };
  const pause = (ms: number): Promise<boolean> => delay(ms).then(() => true);
  const redis: Fault[] = [
    { name: 'kill -9 of Redis', on: 'redis', run: () => restart(false) },
    { name: 'power failure of Redis', on: 'redis', run: async () => (mayForget() ? await restart(true) : false) },
    {
      name: 'SIGSTOP of Redis',
      on: 'redis',
      run: async () => {
        const pid = await stack.redisPid();
        process.kill(pid, 'SIGSTOP');
        await delay(random.between(200, 4000));
        process.kill(pid, 'SIGCONT');
        return true;
      },
    },
    {
      name: 'CLIENT PAUSE',
      on: 'redis',
      run: async () => {
        const ms = random.between(100, 2000);
        await (await stack.admin()).client('PAUSE', ms, 'ALL');
        return await pause(ms);
      },
    },
    ...['normal', 'pubsub'].map(
      (type): Fault => ({
        name: `CLIENT KILL ${type}`,
        on: 'redis',
        run: async () => Number(await (await stack.admin()).call('CLIENT', 'KILL', 'TYPE', type)) > 0,
      }),
    ),
  ];
  const cutViewers: Fault = {
    name: 'all viewers cut',
    on: 'viewers',
    run: async () => {
      const all = viewers();
      for (const viewer of all) viewer.cut();
      return all.length > 0;
    },
  };
  return [
    cutViewers,
    ...service(0),
    ...service(1),
    ...network('services', () => stack.serviceProxy),
    ...network('executors', () => stack.executorProxy),
    ...redis,
    ...redis,
  ];
};

/** A service that meets a Redis that is away gives up after a while, as it should; then it is started once more. */
const startAgain = async (stack: Stack, index: number): Promise<void> => {
  for (;;) {
    try {
      return await stack.start(index);
    } catch {
      await delay(500);
    }
  }
};
