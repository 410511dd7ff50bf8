/** A finished run, read from its first line: lines per second, and how often Redis is read. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../../src/domain/ids.ts';
import { createRun } from '../../../test/support/log.ts';
import { runTarget, UNBOUNDED } from '../../contenders.ts';
import { type Feed, LogFeed } from '../../feed/feed.ts';
import { linesFrom, stampNow } from '../../lines.ts';
import { Load } from '../../load/load.ts';
import type { Target } from '../../load/messages.ts';
import { roundsOf } from '../../options.ts';
import { cpuMicros, peakMb } from '../../process.ts';
import { createProfiler, microsNow } from '../../profile.ts';
import { inRounds } from '../../rounds.ts';
import { startRunloom } from '../../servers.ts';
import { medians } from '../../statistics.ts';
import type { Bench, Part } from '../part.ts';

const LINES = 1_000_000;
const VIEWERS = [1, 20] as const;
const REPLAY_MS = 120_000;

export const REPLAY_NOTE =
  'A fresh server delivers a finished run from its first line. "Redis reads" counts XRANGE commands over all viewers.';

const rangeCalls = async (redis: Redis): Promise<number> =>
  Number(/^cmdstat_xrange:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);

/** Writes lines `first` to `last` as fast as Redis stores them. */
export const fill = async (feed: Feed, first: number, last: number, batch: number): Promise<void> => {
  for (let next = first; next <= last; next += batch) {
    const count = Math.min(batch, last - next + 1);
    await feed.write(linesFrom(next, count, stampNow()), count, next);
  }
};

/** A finished run of so many lines. `feedOf` makes what writes them. */
export const writeRun = async (bench: Bench, lines: number, feedOf: (log: LogFeed) => Feed): Promise<RunId> => {
  bench.say(`writing ${lines} lines`);
  const runId = await createRun(bench.redis, UNBOUNDED);
  const log = await LogFeed.open(bench.redis, runId);
  await fill(feedOf(log), 1, lines, bench.options.batch);
  await log.finish();
  return runId;
};

export interface Replay {
  /** Of the run, which its viewers read to its end. */
  readonly lines: number;
  readonly viewers: number;
  target(port: number): Target;
  /** Of the profile's file. */
  readonly name: string;
}

/** A fresh server delivers a finished run. Lines per second and CPU are of the lines that are delivered. @throws LineLost */
export const measureReplay = async ({ lines, viewers, target, name }: Replay, bench: Bench) => {
  const { redis, redisUrl, options } = bench;
  await using profiler = await createProfiler(options.profile);
  await using begun = new AsyncDisposableStack();
  const server = begun.use(await startRunloom({ redisUrl, nodeFlags: profiler.nodeFlags }));
  await redis.config('RESETSTAT');
  const targets = Array.from({ length: viewers }, () => target(server.port));
  const delivered = (viewers * lines) / (targets[0]?.every ?? 1);
  const cpuBefore = cpuMicros(server.pid);
  const from = microsNow();
  const load = begun.use(await Load.open({ targets, workers: options.workers }));
  const started = performance.now();
  await load.complete(lines, REPLAY_MS);
  const seconds = (performance.now() - started) / 1000;
  const row = {
    linesPerSecond: delivered / seconds,
    linesPerSecondAndViewer: delivered / viewers / seconds,
    cpuMicrosPerLine: (cpuMicros(server.pid) - cpuBefore) / delivered,
    redisReads: await rangeCalls(redis),
    peakMb: peakMb(server.pid),
  };
  const to = microsNow();
  await begun.disposeAsync();
  await profiler.write(`${name} ${viewers}`, from, to);
  return row;
};

export const replayPart: Part = {
  name: 'replay',
  async run(bench) {
    const runId = await writeRun(bench, LINES, (log) => log);
    // The target for 20 viewers is a count of reads, which does not vary.
    const cells = VIEWERS.map((viewers) => ({
      name: viewers === 1 ? '1 viewer' : `${viewers} viewers`,
      viewers,
      rounds: roundsOf(bench.options, viewers === 1),
      measure: () =>
        measureReplay({ lines: LINES, viewers, target: (port) => runTarget('D', runId, port), name: 'replay' }, bench),
    }));
    const taken = await inRounds(cells, bench.say);
    const rows = cells.map(({ viewers, rounds }, i) => ({
      ...{ contender: 'D runLogBatches', viewers, samples: rounds },
      ...medians(taken[i] ?? []),
    }));
    return [{ title: `Replay of ${LINES.toLocaleString('en-US')} stored lines`, note: REPLAY_NOTE, rows }];
  },
};
