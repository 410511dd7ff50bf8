/** Lines at a fixed rate: how long after it was written a viewer receives a line, and what that costs the server. */
import { setTimeout as delay } from 'node:timers/promises';
import { CONTENDERS, type Contender } from '../../contenders.ts';
import { steady, warmUp } from '../../feed/pace.ts';
import { Load } from '../../load/load.ts';
import { measureCost } from '../../measure.ts';
import { roundsOf } from '../../options.ts';
import { isCounted } from '../../report/counted.ts';
import { inRounds } from '../../rounds.ts';
import { medians, percentileMs } from '../../statistics.ts';
import type { Bench, Part } from '../part.ts';
import { COMPLETE_MS, windowOf } from './flood.ts';

export interface Setting {
  readonly viewers: number;
  readonly linesPerSecond: number;
}
/** In the first one each line comes while everything is idle. */
export const RATES: readonly Setting[] = [
  { viewers: 1, linesPerSecond: 20 },
  { viewers: 20, linesPerSecond: 2500 },
  { viewers: 100, linesPerSecond: 2500 },
  { viewers: 500, linesPerSecond: 1000 },
];
const WARM_MS = 1000;

export const RATE_NOTE =
  '"delivered %" is the share of the fixed rate that reached the viewers. Where it is well below 100, the server did ' +
  'not keep up, and the times are those of its queue.';
/** Least number of lines that are timed, however low the rate is. */
const TIMED_LINES = 50;

/** How long a rate is measured, seconds. */
export const secondsAt = (linesPerSecond: number, seconds: number): number =>
  Math.max(seconds, TIMED_LINES / linesPerSecond);

/** @throws LineLost if a viewer did not get every line once and in order */
export const measureRate = async (contender: Contender, setting: Setting, bench: Bench) => {
  const { redis, redisUrl, redisPid, options } = bench;
  const { viewers, linesPerSecond } = setting;
  await using server = await contender.start({ redisUrl });
  const { feed, target } = await contender.stage(redis);
  const targets = Array.from({ length: viewers }, (_, viewer) => target(server.port, viewer));
  await using load = await Load.open({ targets, workers: options.workers, timed: true });
  await warmUp(feed, load);
  const pace = steady(feed, load, linesPerSecond, windowOf(contender, viewers));
  await delay(WARM_MS);
  load.time();
  const watched = { server: server.pid, redis: redisPid, load };
  const cost = await measureCost(watched, secondsAt(linesPerSecond, options.seconds));
  const { latencies } = await load.count();
  await load.complete(await pace.stop(), COMPLETE_MS);
  const { cpuMicrosPerLine, serverCpuPercent, clientCpuPercent, coresPercent } = cost;
  const due = (viewers * linesPerSecond) / (targets[0]?.every ?? 1);
  const deliveredPercent = (100 * cost.linesPerSecond) / due;
  const p50Ms = percentileMs(latencies, 0.5);
  const p99Ms = percentileMs(latencies, 0.99);
  return { p50Ms, p99Ms, deliveredPercent, cpuMicrosPerLine, serverCpuPercent, clientCpuPercent, coresPercent };
};

export const ratePart: Part = {
  name: 'rate',
  async run(bench) {
    const { options, say } = bench;
    const cells = RATES.filter(({ viewers }) => options.viewers.includes(viewers)).flatMap((setting) =>
      CONTENDERS.filter(({ letter }) => options.contenders.includes(letter)).map((contender) => ({
        row: { contender: `${contender.letter} ${contender.name}`, ...setting },
        name: `${contender.letter} ${contender.name}, ${setting.viewers} viewers, ${setting.linesPerSecond} lines/s`,
        rounds: roundsOf(options, isCounted('rate', contender.letter, setting.viewers)),
        measure: () => measureRate(contender, setting, bench),
      })),
    );
    if (cells.length === 0) {
      say(`nothing to measure: this part has ${RATES.map(({ viewers }) => viewers).join(', ')} viewers`);
      return [];
    }
    const taken = await inRounds(cells, say);
    const rows = cells.map(({ row, rounds }, i) => ({ ...row, samples: rounds, ...medians(taken[i] ?? []) }));
    return [{ title: 'Fixed rate: time from the append to the receipt', note: RATE_NOTE, rows }];
  },
};
