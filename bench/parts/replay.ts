/** A finished run read from its beginning: lines per second, and what Redis is asked for it. */
import type { Redis } from 'ioredis';
import { createRun } from '../../test/support/log.ts';
import { runTarget, UNBOUNDED } from '../contenders.ts';
import { LogFeed } from '../feed/feed.ts';
import { linesFrom, stampNow } from '../lines.ts';
import { Load } from '../load/load.ts';
import { roundsOf } from '../options.ts';
import { cpuMicros, peakMb } from '../process.ts';
import { createProfiler, microsNow } from '../profile.ts';
import { inRounds } from '../rounds.ts';
import { startRunloom } from '../servers.ts';
import { medians } from '../statistics.ts';
import type { Part } from './part.ts';

const LINES = 1_000_000;
const VIEWERS = [1, 20] as const;
const REPLAY_MS = 120_000;

const rangeCalls = async (redis: Redis): Promise<number> =>
  Number(/^cmdstat_xrange:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);

/** Writes lines `first` to `last` as fast as Redis takes them. */
export const fill = async (feed: LogFeed, first: number, last: number, batch: number): Promise<void> => {
  for (let next = first; next <= last; next += batch) {
    const count = Math.min(batch, last - next + 1);
    await feed.write(linesFrom(next, count, stampNow()), count);
  }
};

export const replayPart: Part = {
  name: 'replay',
  async run(bench) {
    const { redis, redisUrl, options } = bench;
    bench.say(`writing ${LINES} lines`);
    const runId = await createRun(redis, UNBOUNDED);
    const feed = await LogFeed.open(redis, runId);
    await fill(feed, 1, LINES, options.batch);
    await feed.finish();
    const measure = async (viewers: number) => {
      await using profiler = await createProfiler(options.profile);
      await using begun = new AsyncDisposableStack();
      const server = begun.use(await startRunloom({ redisUrl, nodeFlags: profiler.nodeFlags }));
      await redis.config('RESETSTAT');
      const targets = Array.from({ length: viewers }, () => runTarget('D', runId, server.port));
      const cpuBefore = cpuMicros(server.pid);
      const from = microsNow();
      const load = begun.use(await Load.open({ targets, workers: options.workers }));
      const started = performance.now();
      await load.complete(LINES, REPLAY_MS);
      const seconds = (performance.now() - started) / 1000;
      const lines = LINES * viewers;
      const row = {
        linesPerSecond: lines / seconds,
        linesPerSecondAndViewer: LINES / seconds,
        cpuMicrosPerLine: (cpuMicros(server.pid) - cpuBefore) / lines,
        redisReads: await rangeCalls(redis),
        peakMb: peakMb(server.pid),
      };
      const to = microsNow();
      await begun.disposeAsync();
      await profiler.write(`profile-replay-${viewers}`, from, to);
      return row;
    };
    // Of 20 at once the target is a count, which needs no repeating.
    const cells = VIEWERS.map((viewers) => ({
      name: viewers === 1 ? '1 viewer' : `${viewers} viewers`,
      viewers,
      rounds: roundsOf(options, viewers === 1),
      measure: () => measure(viewers),
    }));
    const taken = await inRounds(cells, bench.say);
    const rows = cells.map(({ viewers, rounds }, i) => ({
      ...{ contender: 'D runLogBatches', viewers, takes: rounds },
      ...medians(taken[i] ?? []),
    }));
    return [{ title: `Replay of ${LINES} stored lines`, rows }];
  },
};
