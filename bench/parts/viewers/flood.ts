/** Lines as fast as the slowest viewer takes them: what a line delivered costs the server. */
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
 * Messages that wait in a server which pushes, over all its viewers: a good part of a second of its work, so it
 * is never idle, and few enough that its pings are still answered in time.
 */
const PUSHED = 20_000;
export const COMPLETE_MS = 60_000;

/** Lines that may be under way to the slowest of so many viewers. */
export const windowOf = ({ pushes }: Pick<Contender, 'pushes'>, viewers: number): number =>
  pushes ? Math.min(FLOOD_WINDOW, Math.ceil(PUSHED / viewers)) : FLOOD_WINDOW;

type FloodCost = Cost & { readonly peakMb: number };

/** @throws LineLost where a viewer has not got every line, in order, once */
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
  await profiler.write(`profile-flood-${contender.letter}-${viewers}`, from, to);
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
      return { contender, viewers, takes: rounds, ...cost, limit: limitOf(cost) };
    });
    return [
      { title: 'Flood: as fast as the slowest viewer (limit: what had no more to give, the client first)', rows },
    ];
  },
};
