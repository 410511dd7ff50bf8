/** Lines as fast as the slowest viewer takes them: what a line delivered costs the server. */
import { setTimeout as delay } from 'node:timers/promises';
import { CONTENDERS, type Contender } from '../contenders.ts';
import { flood, warmUp } from '../feed/pace.ts';
import { Load } from '../load/load.ts';
import { type Cost, measureCost } from '../measure.ts';
import { peakMb } from '../process.ts';
import { createProfiler, microsNow } from '../profile.ts';
import { medians } from '../statistics.ts';
import type { Bench, Part, Row } from './part.ts';

export const FLOOD_WINDOW = 20_000;
/**
 * Messages that wait in a server which pushes, over all its viewers: a second or more of its work, so it is
 * never idle, and few enough that its pings are still answered in time.
 */
const PUSHED = 50_000;
const WARM_MS = 1000;
export const COMPLETE_MS = 60_000;

type FloodCost = Cost & { readonly peakMb: number };

/** @throws LineLost where a viewer has not got every line, in order, once */
const measure = async (contender: Contender, viewers: number, bench: Bench): Promise<FloodCost> => {
  const { redis, redisUrl, options } = bench;
  await using profiler = await createProfiler(options.profile);
  await using begun = new AsyncDisposableStack();
  const server = begun.use(await contender.start({ redisUrl, nodeFlags: profiler.nodeFlags }));
  const { feed, target } = await contender.stage(redis);
  const targets = Array.from({ length: viewers }, () => target(server.port));
  const load = begun.use(await Load.open({ targets, workers: options.workers }));
  await warmUp(feed, load);
  const window = contender.pushes ? Math.min(FLOOD_WINDOW, Math.ceil(PUSHED / viewers)) : FLOOD_WINDOW;
  const pace = flood(feed, load, { batch: options.batch, window });
  await delay(WARM_MS);
  const from = microsNow();
  const cost = await measureCost(server.pid, load, options.seconds);
  const to = microsNow();
  await load.complete(await pace.stop(), COMPLETE_MS);
  const peak = peakMb(server.pid);
  await begun.disposeAsync();
  await profiler.write(`profile-flood-${contender.letter}-${viewers}`, from, to);
  return { ...cost, peakMb: peak };
};

export const floodPart: Part = {
  name: 'flood',
  async run(bench) {
    const rows: Row[] = [];
    for (const viewers of bench.options.viewers) {
      for (const contender of CONTENDERS) {
        const { letter, name } = contender;
        if (!bench.options.contenders.includes(letter)) continue;
        bench.say(`flood: ${letter} ${name}, ${viewers} viewers`);
        const repeats: FloodCost[] = [];
        for (let i = 0; i < bench.options.repeat; i += 1) repeats.push(await measure(contender, viewers, bench));
        const cost = medians(repeats);
        rows.push({ contender: `${letter} ${name}`, viewers, ...cost, limit: limitOf(cost) });
      }
    }
    return [{ title: 'Flood: as fast as the slowest viewer', rows }];
  },
};

/** What was near its end. On a machine of few cores it may be the cores. */
const limitOf = ({ serverCpuPercent, clientCpuPercent }: Cost): string => {
  if (clientCpuPercent > 90) return 'client';
  return serverCpuPercent > 90 ? 'server' : 'machine';
};
