/** Runs of runloom with other lines, and viewers with other subscriptions, than in the parts `flood`, `rate` and `replay`. */
import type { RunId } from '../../../src/domain/ids.ts';
import { createRun } from '../../../test/support/log.ts';
import { type Contender, UNBOUNDED } from '../../contenders.ts';
import { type Feed, LogFeed } from '../../feed/feed.ts';
import type { Target } from '../../load/messages.ts';
import { limitOf } from '../../measure.ts';
import { roundsOf } from '../../options.ts';
import { inRounds } from '../../rounds.ts';
import { startRunloom } from '../../servers.ts';
import { medians } from '../../statistics.ts';
import type { Bench, Row, Section } from '../part.ts';
import { measureFlood } from './flood.ts';
import { measureRate, type Setting } from './rate.ts';
import { measureReplay, writeRun } from './replay.ts';

/** The subscription of a viewer, without the run. */
export interface Question extends Pick<Target, 'every' | 'copies'> {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface Variant {
  readonly name: string;
  /** Writes the lines to the log of the run. */
  feed(log: LogFeed): Feed;
  /** `viewer` counts from 0. */
  question(viewer: number): Question;
}

export const targetOf = (variant: Variant, runId: RunId, port: number, viewer = 0): Target => {
  const { variables, ...question } = variant.question(viewer);
  return { protocol: 'graphql', port, path: '/graphql', ...question, variables: { runId, after: 0, ...variables } };
};

export const contenderOf = (variant: Variant): Contender => ({
  letter: 'D',
  name: variant.name,
  pushes: false,
  start: startRunloom,
  async stage(redis) {
    const runId = await createRun(redis, UNBOUNDED);
    const log = await LogFeed.open(redis, runId);
    return { feed: variant.feed(log), target: (port, viewer) => targetOf(variant, runId, port, viewer) };
  },
});

/** Numbers of viewers in the floods. */
const CROWDS = [1, 20, 100] as const;
/** Targets depend on the floods with so many viewers, so these are repeated. */
const REPEATED = 20;
export const REPLAY_LINES = 200_000;
const RATE: Setting = { viewers: 100, linesPerSecond: 2500 };

/** Floods, measured as in the part `flood`. */
export const floodRows = async (column: string, variants: readonly Variant[], bench: Bench): Promise<Row[]> => {
  const { options } = bench;
  const cells = CROWDS.filter((viewers) => options.viewers.includes(viewers)).flatMap((viewers) =>
    variants.map((variant) => ({
      row: { [column]: variant.name, viewers },
      name: `flood, ${variant.name}, ${viewers} ${viewers === 1 ? 'viewer' : 'viewers'}`,
      rounds: roundsOf(options, viewers === REPEATED),
      every: variant.question(0).every ?? 1,
      measure: () => measureFlood(contenderOf(variant), viewers, bench),
    })),
  );
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ row, rounds, every }, i) => {
    const cost = medians(taken[i] ?? []);
    return { ...row, samples: rounds, ...perLineFiltered(cost, every), ...cost, limit: limitOf(cost) };
  });
};

/** A fixed rate to 100 viewers, measured as in the part `rate`. Repeated only if a target depends on it. */
export const rateRows = async (
  column: string,
  variants: readonly Variant[],
  bench: Bench,
  hasTarget = false,
): Promise<Row[]> => {
  const { options } = bench;
  if (!options.viewers.includes(RATE.viewers)) return [];
  const cells = variants.map((variant) => ({
    row: { [column]: variant.name, ...RATE },
    rounds: roundsOf(options, hasTarget),
    name: `${variant.name}, ${RATE.viewers} viewers, ${RATE.linesPerSecond} lines/s`,
    measure: () => measureRate(contenderOf(variant), RATE, bench),
  }));
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ row, rounds }, i) => ({ ...row, samples: rounds, ...medians(taken[i] ?? []) }));
};

/** Finished runs to one viewer, measured as in the part `replay`. */
export const replayRows = async (column: string, variants: readonly Variant[], bench: Bench): Promise<Row[]> => {
  const rounds = roundsOf(bench.options, true);
  const cells = [];
  for (const variant of variants) {
    const runId = await writeRun(bench, REPLAY_LINES, variant.feed);
    const replay = {
      ...{ lines: REPLAY_LINES, viewers: 1, name: `replay ${variant.name}` },
      target: (port: number) => targetOf(variant, runId, port),
    };
    cells.push({ variant, name: `replay, ${variant.name}`, rounds, measure: () => measureReplay(replay, bench) });
  }
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ variant }, i) => {
    const { linesPerSecondAndViewer: _, ...cost } = medians(taken[i] ?? []);
    const every = variant.question(0).every ?? 1;
    return { [column]: variant.name, lines: REPLAY_LINES, samples: rounds, ...perLineFiltered(cost, every), ...cost };
  });
};

interface PerLine {
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
}

/** With a filter: the same figures for all lines that the filter looked at. */
const perLineFiltered = ({ linesPerSecond, cpuMicrosPerLine }: PerLine, every: number): Row =>
  every === 1
    ? {}
    : { linesFilteredPerSecond: linesPerSecond * every, cpuMicrosPerLineFiltered: cpuMicrosPerLine / every };

/** The sections that have rows. */
export const measured = (sections: readonly Section[]): Section[] => sections.filter(({ rows }) => rows.length > 0);
