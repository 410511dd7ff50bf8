/** Whether a line costs the same in a long run, and beside many idle ones that are followed. */
import { setTimeout as delay } from 'node:timers/promises';
import type { RunId } from '../../src/domain/ids.ts';
import { createRun } from '../../test/support/log.ts';
import { runTarget, UNBOUNDED } from '../contenders.ts';
import { LogFeed } from '../feed/feed.ts';
import { flood, warmUp } from '../feed/pace.ts';
import { Load } from '../load/load.ts';
import { measureCost } from '../measure.ts';
import { type BenchServer, startRunloom } from '../servers.ts';
import { COMPLETE_MS, FLOOD_WINDOW } from './flood.ts';
import type { Bench, Part, Row, Section } from './part.ts';
import { fill } from './replay.ts';

const VIEWERS = 20;
const RUN_LINES = [10_000, 100_000, 1_000_000, 2_000_000] as const;
const IDLE_RUNS = [10, 100, 1000] as const;
const WARM_MS = 1000;
const FOLLOWED_MS = 30_000;

/** The cost of a line at 20 viewers in a run that has so many lines already. */
const measureRun = async (server: BenchServer, lines: number, { redis, options }: Bench) => {
  const runId = await createRun(redis, UNBOUNDED);
  const feed = await LogFeed.open(redis, runId);
  await fill(feed, 1, lines, options.batch);
  const target = { ...runTarget('D', runId, server.port, feed.lastSeq), afterLine: lines };
  const targets = Array.from({ length: VIEWERS }, () => target);
  await using load = await Load.open({ targets, workers: options.workers });
  await warmUp(feed, load);
  const pace = flood(feed, load, { batch: options.batch, window: FLOOD_WINDOW, after: lines });
  await delay(WARM_MS);
  const { cpuMicrosPerLine, linesPerSecond } = await measureCost(server.pid, load, options.seconds);
  await load.complete(await pace.stop(), COMPLETE_MS);
  await redis.del(`run:{${runId}}:log`);
  return { cpuMicrosPerLine, linesPerSecond };
};

/** The first measurement would else pay for the compilation of everything. */
const warm = async (server: BenchServer, bench: Bench): Promise<void> => {
  for (let i = 0; i < 2; i += 1) await measureRun(server, 1000, bench);
};

const byLines = async (bench: Bench): Promise<Section> => {
  const rows: Row[] = [];
  await using server = await startRunloom({ redisUrl: bench.redisUrl });
  await warm(server, bench);
  for (const lines of RUN_LINES) {
    bench.say(`growth: a run of ${lines} lines`);
    rows.push({ linesInRun: lines, ...(await measureRun(server, lines, bench)) });
  }
  return { title: `A line's cost as its run grows (D, ${VIEWERS} viewers, live)`, rows };
};

const byIdleRuns = async (bench: Bench): Promise<Section> => {
  const { redis, redisUrl } = bench;
  const rows: Row[] = [];
  await using server = await startRunloom({ redisUrl });
  await warm(server, bench);
  for (const idle of IDLE_RUNS) {
    bench.say(`growth: ${idle} idle runs followed`);
    const runs: RunId[] = [];
    for (let i = 0; i < idle; i += 1) runs.push(await createRun(redis));
    const targets = runs.map((runId) => runTarget('D', runId, server.port));
    await using followers = await Load.open({ targets, workers: 1 });
    await untilFollowed(bench, runs);
    rows.push({ idleRuns: idle, ...(await measureRun(server, 10_000, bench)) });
    // They must have been there all the time.
    await followers.until(() => true);
  }
  return { title: `A line's cost beside idle runs that are followed (D, ${VIEWERS} viewers, live)`, rows };
};

const untilFollowed = async ({ redis }: Bench, runs: readonly RunId[]): Promise<void> => {
  const channels = runs.map((runId) => `run_logs:${runId}`);
  const deadline = performance.now() + FOLLOWED_MS;
  for (;;) {
    const counts = (await redis.pubsub('NUMSUB', ...channels)) as (string | number)[];
    if (counts.every((count, i) => i % 2 === 0 || Number(count) > 0)) return;
    if (performance.now() > deadline) throw new Error('the idle runs are not followed');
    await delay(50);
  }
};

export const growthPart: Part = {
  name: 'growth',
  run: async (bench) => [await byLines(bench), await byIdleRuns(bench)],
};
