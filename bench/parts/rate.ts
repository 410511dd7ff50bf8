/** Lines at a fixed rate: how long after its writing a line is with its viewer, and what that costs the server. */
import { setTimeout as delay } from 'node:timers/promises';
import { CONTENDERS, type Contender } from '../contenders.ts';
import { steady, warmUp } from '../feed/pace.ts';
import { Load } from '../load/load.ts';
import { measureCost } from '../measure.ts';
import { medians, percentileMs } from '../statistics.ts';
import { COMPLETE_MS } from './flood.ts';
import type { Bench, Part, Row } from './part.ts';

interface Setting {
  readonly viewers: number;
  readonly linesPerSecond: number;
}
/** The last one is a line at rest: each finds everything idle. */
const SETTINGS: readonly Setting[] = [
  { viewers: 100, linesPerSecond: 2500 },
  { viewers: 500, linesPerSecond: 1000 },
  { viewers: 1, linesPerSecond: 20 },
];
const WARM_MS = 1500;

/** @throws LineLost where a viewer has not got every line, in order, once */
const measure = async (contender: Contender, setting: Setting, { redis, redisUrl, options }: Bench) => {
  const { viewers, linesPerSecond } = setting;
  await using server = await contender.start({ redisUrl });
  const { feed, target } = await contender.stage(redis);
  const targets = Array.from({ length: viewers }, () => target(server.port));
  await using load = await Load.open({ targets, workers: options.workers, timed: true });
  await warmUp(feed, load);
  const pace = steady(feed, load, linesPerSecond);
  await delay(WARM_MS);
  load.time();
  const cost = await measureCost(server.pid, load, options.seconds);
  const { latencies } = await load.count();
  await load.complete(await pace.stop(), COMPLETE_MS);
  const { cpuMicrosPerLine, serverCpuPercent, clientCpuPercent } = cost;
  const keptPercent = (100 * cost.linesPerSecond) / (viewers * linesPerSecond);
  const p50Ms = percentileMs(latencies, 0.5);
  const p99Ms = percentileMs(latencies, 0.99);
  return { p50Ms, p99Ms, cpuMicrosPerLine, serverCpuPercent, clientCpuPercent, keptPercent };
};

export const ratePart: Part = {
  name: 'rate',
  async run(bench) {
    const rows: Row[] = [];
    for (const setting of SETTINGS) {
      for (const contender of CONTENDERS) {
        const { letter, name } = contender;
        if (!bench.options.contenders.includes(letter)) continue;
        const { viewers, linesPerSecond } = setting;
        bench.say(`rate: ${letter} ${name}, ${viewers} viewers, ${linesPerSecond} lines/s`);
        const repeats: Awaited<ReturnType<typeof measure>>[] = [];
        for (let i = 0; i < bench.options.repeat; i += 1) repeats.push(await measure(contender, setting, bench));
        rows.push({ contender: `${letter} ${name}`, viewers, linesPerSecond, ...medians(repeats) });
      }
    }
    return [{ title: 'Fixed rate: from writing to receipt (keptPercent: how much of the rate it could take)', rows }];
  },
};
