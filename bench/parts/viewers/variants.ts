/** Runs with other lines than those of the part `flood`, and viewers that ask for something else. */
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

/** What a viewer asks for, beyond the run. */
export interface Question extends Pick<Target, 'every' | 'copies'> {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface Variant {
  readonly name: string;
  /** What writes the lines to the run's log. */
  feed(log: LogFeed): Feed;
  /** `viewer` counts from 0. */
  question(viewer: number): Question;
}

export const targetOf = (variant: Variant, runId: RunId, port: number, viewer = 0): Target => {
  const { variables, ...question } = variant.question(viewer);
  return { protocol: 'graphql', port, path: '/graphql', ...question, variables: { runId, after: 0, ...variables } };
};

const contenderOf = (variant: Variant): Contender => ({
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

/** Viewers of the floods. */
const CROWDS = [1, 20, 100] as const;
const REPLAY_LINES = 200_000;
const RATE: Setting = { viewers: 100, linesPerSecond: 2500 };

/** A flood to each crowd: what the part `flood` measures of runloom. */
export const floodRows = async (column: string, variants: readonly Variant[], bench: Bench): Promise<Row[]> => {
  const { options } = bench;
  const cells = CROWDS.filter((viewers) => options.viewers.includes(viewers)).flatMap((viewers) =>
    variants.map((variant) => ({
      row: { [column]: variant.name, viewers },
      name: `flood, ${variant.name}, ${viewers} viewers`,
      rounds: roundsOf(options, true),
      every: variant.question(0).every ?? 1,
      measure: () => measureFlood(contenderOf(variant), viewers, bench),
    })),
  );
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ row, rounds, every }, i) => {
    const cost = medians(taken[i] ?? []);
    return { ...row, takes: rounds, ...perLineRead(cost, every), ...cost, limit: limitOf(cost) };
  });
};

/** A fixed rate to 100 viewers: what the part `rate` measures of runloom. */
export const rateRows = async (column: string, variants: readonly Variant[], bench: Bench): Promise<Row[]> => {
  const { options } = bench;
  if (!options.viewers.includes(RATE.viewers)) return [];
  const cells = variants.map((variant) => ({
    row: { [column]: variant.name, ...RATE },
    name: `${variant.name}, ${RATE.viewers} viewers, ${RATE.linesPerSecond} lines/s`,
    rounds: roundsOf(options, true),
    measure: () => measureRate(contenderOf(variant), RATE, bench),
  }));
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ row, rounds }, i) => ({ ...row, takes: rounds, ...medians(taken[i] ?? []) }));
};

/** The whole of a finished run to one viewer. */
export const replayRows = async (column: string, variants: readonly Variant[], bench: Bench): Promise<Row[]> => {
  const rounds = roundsOf(bench.options, true);
  const cells = [];
  for (const variant of variants) {
    const runId = await writeRun(bench, REPLAY_LINES, variant.feed);
    const replay = {
      ...{ lines: REPLAY_LINES, viewers: 1, name: `replay-${variant.name}` },
      target: (port: number) => targetOf(variant, runId, port),
    };
    cells.push({ variant, name: `replay, ${variant.name}`, rounds, measure: () => measureReplay(replay, bench) });
  }
  const taken = await inRounds(cells, bench.say);
  return cells.map(({ variant }, i) => {
    const { linesPerSecondAndViewer: _, ...cost } = medians(taken[i] ?? []);
    const every = variant.question(0).every ?? 1;
    return { [column]: variant.name, lines: REPLAY_LINES, takes: rounds, ...perLineRead(cost, every), ...cost };
  });
};

interface PerLine {
  readonly linesPerSecond: number;
  readonly cpuMicrosPerLine: number;
}

/** Where a filter takes out lines: the same of all lines that the server looked at. */
const perLineRead = ({ linesPerSecond, cpuMicrosPerLine }: PerLine, every: number): Row =>
  every === 1
    ? {}
    : { linesFilteredPerSecond: linesPerSecond * every, cpuMicrosPerLineFiltered: cpuMicrosPerLine / every };

/** Sections without those that nothing was measured of. */
export const measured = (sections: readonly Section[]): Section[] => sections.filter(({ rows }) => rows.length > 0);
