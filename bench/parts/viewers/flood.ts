/** Lines as fast as the slowest viewer reads them: what one delivered line costs the server. */
import { CONTENDERS, type Contender } from '../../contenders.ts';
import { flood, warmUp } from '../../feed/pace.ts';
import { Load } from '../../load/load.ts';
import { type Cost, limitOf, measureCost, untilCompiled } from '../../measure.ts';
import { roundsOf } from '../../options.ts';
import { peakMb } from '../../process.ts';
import { createProfiler, microsNow } from '../../profile.ts';
import { isCounted } from '../../report/counted.ts';
import { inRounds } from '../../rounds.ts';
import { medians } from '../../statistics.ts';
import type { Bench, Part } from '../part.ts';

const FLOOD_WINDOW = 20_000;
/**
 * Most messages that may wait in a server that queues without bound, over all its viewers. That is a good part of a
 * second of its work, so it is never idle, and few enough that pings are still answered in time.
 */
const PUSHED = 20_000;
export const COMPLETE_MS = 60_000;

/** Most lines that may be on their way to the slowest of so many viewers. */
export const windowOf = ({ pushes }: Pick<Contender, 'pushes'>, viewers: number): number =>
  pushes ? Math.min(FLOOD_WINDOW, Math.ceil(PUSHED / viewers)) : FLOOD_WINDOW;

export const FLOOD_NOTE =
  'Lines per second are delivered to all viewers together. CPU per line is CPU time of the server per delivered line. ' +
  'The CPU columns are percent of one core, "cores %" and "others %" of all cores: this bench, and other processes. ' +
  '"limit" is what had no CPU time left; if it is "client", the figure is not the limit of the server.';

type FloodCost = Cost & { readonly peakMb: number };

/** @throws LineLost if a viewer did not get every line once and in order */
export const measureFlood = async (contender: Contender, viewers: number, bench: Bench): Promise<FloodCost> => {
  const { redis, redisUrl, redisPid, options } = bench;
  await using profiler = await createProfiler(options.profile);
  await using begun = new AsyncDisposableStack();
  const server = begun.use(await contender.start({ redisUrl, nodeFlags: profiler.nodeFlags }));
  const { feed, target } = await contender.stage(redis);
  const targets = Array.from({ length: viewers }, (_, viewer) => target(server.port, viewer));
  const load = begun.use(await Load.open({ targets, workers: options.workers }));
  await warmUp(feed, load);
  const pace = flood(feed, load, { batch: options.batch, window: windowOf(contender, viewers) });
  await untilCompiled(server.pid, load);
  const from = microsNow();
  const cost = await measureCost({ server: server.pid, redis: redisPid, load }, options.seconds);
  const to = microsNow();
  await load.complete(await pace.stop(), COMPLETE_MS);
  const peak = peakMb(server.pid);
  await begun.disposeAsync();
  await profiler.write(`flood ${contender.name} ${viewers}`, from, to);
  return { ...cost, peakMb: peak };
};

export const floodPart: Part = {
  name: 'flood',
  async run(bench) {
    const { options, say } = bench;
    const cells = options.viewers.flatMap((viewers) =>
      CONTENDERS.filter(({ letter }) => options.contenders.includes(letter)).map((contender) => ({
        contender: `${contender.letter} ${contender.name}`,
        viewers,
        name: `${contender.letter} ${contender.name}, ${viewers} viewers`,
        rounds: roundsOf(options, isCounted('flood', contender.letter, viewers)),
        measure: () => measureFlood(contender, viewers, bench),
      })),
    );
    const taken = await inRounds(cells, say);
    const rows = cells.map(({ contender, viewers, rounds }, i) => {
      const cost = medians(taken[i] ?? []);
      return { contender, viewers, samples: rounds, ...cost, limit: limitOf(cost) };
    });
    return [{ title: 'Flood: as fast as the slowest viewer reads', note: FLOOD_NOTE, rows }];
  },
};
