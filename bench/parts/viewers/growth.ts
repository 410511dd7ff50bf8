/** Does a line cost the same in a long run, and beside many idle runs that have viewers? */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../../src/domain/ids.ts';
import { logChannel, logKey } from '../../../src/wire/keys.ts';
import { createRun } from '../../../test/support/log.ts';
import { runTarget, UNBOUNDED } from '../../contenders.ts';
import { LogFeed } from '../../feed/feed.ts';
import { flood, warmUp } from '../../feed/pace.ts';
import { Load } from '../../load/load.ts';
import { cpuMicros } from '../../process.ts';
import { type BenchServer, startRunloom } from '../../servers.ts';
import { median } from '../../statistics.ts';
import type { Bench, Part, Row, Section } from '../part.ts';
import { COMPLETE_MS, windowOf } from './flood.ts';
import { fill } from './replay.ts';

const VIEWERS = 20;
const RUN_LINES = [10_000, 100_000, 1_000_000, 2_000_000] as const;
const IDLE_RUNS = [10, 100, 1000] as const;
/**
 * Lines of one flood: few enough that a short run stays short. A flood takes the server a tenth of a second, with or
 * without a full garbage collection in it, so several floods make one measurement. Runs of fewer lines than LONG are
 * made anew for each flood.
 */
const BURST = 40_000;
const BURSTS = 8;
const LONG = 1_000_000;
/** Measurements of each size, in rising and falling order by turns, so that the order has no effect. */
const ROUNDS = 5;
const WARM_BURSTS = 4;
const IDLE_MS = 1000;
/** Pause after the viewers have joined: joining is not part of the cost of idle viewers. */
const JOINED_MS = 1000;
const FOLLOWED_MS = 30_000;

/** A run and how many lines it has. */
interface Grown {
  readonly runId: RunId;
  readonly feed: LogFeed;
  lines: number;
}

const grow = async (lines: number, { redis, options }: Bench): Promise<Grown> => {
  const runId = await createRun(redis, UNBOUNDED);
  const feed = await LogFeed.open(redis, runId);
  await fill(feed, 1, lines, options.batch);
  return { runId, feed, lines };
};

/** CPU time of a server and the lines that it delivered in it. */
interface Spent {
  readonly micros: number;
  readonly lines: number;
}

/** Delivers more lines of the run to 20 viewers. @throws LineLost */
const burst = async (server: BenchServer, run: Grown, { options }: Bench): Promise<Spent> => {
  const target = { ...runTarget('D', run.runId, server.port, run.feed.lastSeq), afterLine: run.lines };
  const targets = Array.from({ length: VIEWERS }, () => target);
  await using load = await Load.open({ targets, workers: options.workers });
  await warmUp(run.feed, load);
  const before = cpuMicros(server.pid);
  const window = windowOf({ pushes: false }, VIEWERS);
  const pace = flood(run.feed, load, { batch: options.batch, window, after: run.lines });
  await load.until(() => load.last >= run.lines + BURST);
  const last = await pace.stop();
  await load.complete(last, COMPLETE_MS);
  const spent = { micros: cpuMicros(server.pid) - before, lines: (last - run.lines) * VIEWERS };
  run.lines = last;
  return spent;
};

/** One measurement: CPU per line, microseconds. @param runOf makes the run of each flood; `done` removes it */
const take = async (
  server: BenchServer,
  bench: Bench,
  runOf: () => Promise<{ readonly run: Grown; readonly done: () => Promise<unknown> }>,
): Promise<number> => {
  let micros = 0;
  let lines = 0;
  for (let i = 0; i < BURSTS; i += 1) {
    const { run, done } = await runOf();
    const spent = await burst(server, run, bench);
    micros += spent.micros;
    lines += spent.lines;
    await done();
  }
  return micros / lines;
};

/** A run of so many lines that is removed afterwards. */
const fresh = (lines: number, bench: Bench) => async () => {
  const run = await grow(lines, bench);
  return { run, done: () => bench.redis.del(logKey(run.runId)) };
};

/** Without this the first measurement would include the compilation of the code. */
const warm = async (server: BenchServer, bench: Bench): Promise<void> => {
  bench.say('warming up');
  const run = await grow(1000, bench);
  for (let i = 0; i < WARM_BURSTS; i += 1) await burst(server, run, bench);
  await bench.redis.del(logKey(run.runId));
};

const upAndDown = <T>(items: readonly T[], round: number): readonly T[] =>
  round % 2 === 1 ? items : [...items].reverse();

/** The median and the range of the measurements: a wide range means a doubtful median. */
const summed = (costs: readonly number[]) => ({
  samples: costs.length,
  cpuMicrosPerLine: median(costs),
  min: Math.min(...costs),
  max: Math.max(...costs),
});

const byLines = async (server: BenchServer, bench: Bench): Promise<Section> => {
  const long = new Map<number, Grown>();
  for (const lines of RUN_LINES.filter((size) => size >= LONG)) {
    bench.say(`writing a run of ${lines} lines`);
    long.set(lines, await grow(lines, bench));
  }
  const costs = new Map<number, number[]>(RUN_LINES.map((lines) => [lines, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    bench.say(`${round}/${ROUNDS} runs of ${RUN_LINES.join(', ')} lines`);
    for (const lines of upAndDown(RUN_LINES, round)) {
      const run = long.get(lines);
      const runOf = run === undefined ? fresh(lines, bench) : async () => ({ run, done: () => Promise.resolve() });
      costs.get(lines)?.push(await take(server, bench, runOf));
    }
  }
  const rows: Row[] = RUN_LINES.map((lines) => ({ linesInRun: lines, ...summed(costs.get(lines) ?? []) }));
  return {
    title: `CPU per line by the length of the run (D, ${VIEWERS} viewers, live)`,
    note: `Each measurement is ${BURSTS} floods of ${BURST.toLocaleString('en-US')} lines. min and max are its range.`,
    rows,
  };
};

const byIdleRuns = async (server: BenchServer, bench: Bench): Promise<Section> => {
  const runs: RunId[] = [];
  while (runs.length < Math.max(...IDLE_RUNS)) runs.push(await createRun(bench.redis));
  const costs = new Map<number, number[]>(IDLE_RUNS.map((idle) => [idle, []]));
  const alone = new Map<number, number[]>(IDLE_RUNS.map((idle) => [idle, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    bench.say(`${round}/${ROUNDS} beside ${IDLE_RUNS.join(', ')} idle runs`);
    for (const idle of upAndDown(IDLE_RUNS, round)) {
      const followed = runs.slice(0, idle);
      const targets = followed.map((runId) => runTarget('D', runId, server.port));
      await using followers = await Load.open({ targets, workers: 1 });
      await untilFollowed(bench, followed);
      await delay(JOINED_MS);
      const before = { at: performance.now(), cpu: cpuMicros(server.pid) };
      await delay(IDLE_MS);
      const seconds = (performance.now() - before.at) / 1000;
      alone.get(idle)?.push((cpuMicros(server.pid) - before.cpu) / 1000 / seconds);
      costs.get(idle)?.push(await take(server, bench, fresh(10_000, bench)));
      // Throws if one of the idle viewers was cut off meanwhile.
      await followers.until(() => true);
    }
  }
  const rows: Row[] = IDLE_RUNS.map((idle) => ({
    idleRuns: idle,
    ...summed(costs.get(idle) ?? []),
    idleCpuMsPerSecond: median(alone.get(idle) ?? []),
  }));
  return {
    title: `CPU per line beside idle runs that have a viewer each (D, ${VIEWERS} viewers, live)`,
    note: '"idle CPU ms per second" is what the idle runs and their viewers cost by themselves.',
    rows,
  };
};

const untilFollowed = async ({ redis }: Bench, runs: readonly RunId[]): Promise<void> => {
  const deadline = performance.now() + FOLLOWED_MS;
  for (;;) {
    const counts = (await redis.pubsub('NUMSUB', ...runs.map(logChannel))) as (string | number)[];
    if (counts.every((count, i) => i % 2 === 0 || Number(count) > 0)) return;
    if (performance.now() > deadline) throw new Error('the idle runs have no viewers after 30 s');
    await delay(50);
  }
};

export const growthPart: Part = {
  name: 'growth',
  async run(bench) {
    await using server = await startRunloom({ redisUrl: bench.redisUrl });
    await warm(server, bench);
    return [await byLines(server, bench), await byIdleRuns(server, bench)];
  },
};
