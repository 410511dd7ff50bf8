/** Reads the rows after or before a place: pages of events, without those in folded groups. */
import { firstSeq, joined, type LogEvent, type LogFilter } from '../../line/logEvents.ts';
import type { Fold, Folds, Stretch } from './folds.ts';
import type { LogPart, LogSource } from './logSource.ts';

/** Rows that are enough for a view. A filter can empty pages, and folded groups leave one row each. */
const ENOUGH_ROWS = 40;
const MOST_ROUNDS = 20;
/** Stretches of one round, read at once. */
const AT_ONCE = 8;

export interface GatherOptions {
  readonly source: LogSource;
  readonly filter: LogFilter;
  readonly folds: Folds;
  /** Events of one page at most. */
  readonly pageSize: number;
}
export interface Gathered {
  readonly rows: readonly LogEvent[];
  /** First and last seq that were read, those of filtered-out events included. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The newest seq of the run, as far as it was told; 0: it was not. */
  readonly lastSeq: number;
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

/** What was read of a stretch. */
interface Piece {
  readonly events: readonly LogEvent[];
  /** How far it was read; null: there was nothing. */
  readonly edge: number | null;
  /** Nothing of the stretch is left. */
  readonly isWhole: boolean;
  /** The last seq of the page, and the newest of the run. */
  readonly endSeq: number;
  readonly lastSeq: number;
}

/** The first event of a folded group, as the page would have it. */
const headerOf = ({ group: { seq, attempt, startedAt, name } }: Fold): LogEvent => ({
  __typename: 'GroupStarted',
  seq,
  attempt,
  timestamp: startedAt,
  name,
});

/** Whether a group follows another one without anything between: then its first event is known, and nothing is read. */
const isBare = ({ from, to, fold }: Stretch, { all }: Folds): boolean => {
  if (fold === null || to - from > 1) return false;
  const before = all[all.indexOf(fold) - 1];
  return from === to || (before?.endSeq === from && before.group.attempt === fold.group.attempt);
};

const bare = (fold: Fold, edge: number): Piece => ({
  events: [headerOf(fold)],
  edge,
  isWhole: true,
  endSeq: 0,
  lastSeq: 0,
});

const within = ({ events }: LogPart, { from, to }: Stretch): readonly LogEvent[] =>
  events.filter((event) => event.seq >= from && firstSeq(event) <= to);

const readAfter = async (options: GatherOptions, stretch: Stretch, after: number): Promise<Piece> => {
  const { source, filter, folds, pageSize } = options;
  if (after < stretch.from && stretch.fold !== null && isBare(stretch, folds)) return bare(stretch.fold, stretch.to);
  const start = Math.max(after, stretch.from - 1);
  const page = await source.page({ first: Math.min(pageSize, stretch.to - start), after: start }, filter);
  const isWhole = !page.hasNext || (page.endSeq ?? start) >= stretch.to;
  const edge = page.endSeq === null ? null : Math.min(page.endSeq, stretch.to);
  return { events: within(page, stretch), edge, isWhole, endSeq: page.endSeq ?? 0, lastSeq: page.lastSeq };
};

const readBefore = async (
  options: GatherOptions,
  stretch: Stretch,
  before: number,
  last?: Promise<LogPart>,
): Promise<Piece> => {
  const { folds, pageSize, source, filter } = options;
  if (before > stretch.to && stretch.fold !== null && isBare(stretch, folds)) return bare(stretch.fold, stretch.from);
  const end = Math.min(before, stretch.to + 1);
  const position = { last: Math.min(pageSize, end - stretch.from), before: end };
  const page = await (Number.isFinite(end) ? source.page(position, filter) : (last ?? lastPage(options)));
  const isWhole = !page.hasPrevious || (page.startSeq ?? end) <= stretch.from;
  const edge = page.startSeq === null ? null : Math.max(page.startSeq, stretch.from);
  return { events: within(page, stretch), edge, isWhole, endSeq: page.endSeq ?? 0, lastSeq: page.lastSeq };
};

/** The newest events. Does not need the folds: it can be read before they are known. */
export const lastPage = ({ source, filter, pageSize }: Omit<GatherOptions, 'folds'>): Promise<LogPart> =>
  source.page({ last: pageSize }, filter);

/** The next stretches of a round: as many as are needed for a view, if each is read whole. */
const roundOf = (stretches: readonly Stretch[]): readonly Stretch[] => {
  const round: Stretch[] = [];
  let rows = 0;
  for (const stretch of stretches) {
    if (round.length === AT_ONCE || rows >= ENOUGH_ROWS) break;
    round.push(stretch);
    rows += stretch.to - stretch.from + 1;
  }
  return round;
};

/** @param after seq; events after it are read. @throws Error */
export const gatherAfter = async (options: GatherOptions, after: number): Promise<Gathered> => {
  const { stretches } = options.folds;
  let rows: readonly LogEvent[] = [];
  let [at, lastSeq, atEnd] = [after, 0, false];
  for (let round = 0; round < MOST_ROUNDS && rows.length < ENOUGH_ROWS && !atEnd; round += 1) {
    const next = roundOf(stretches.filter(({ to }) => to > at));
    const pieces = await Promise.all(next.map((stretch) => readAfter(options, stretch, at)));
    for (const [index, piece] of pieces.entries()) {
      rows = joined(rows, piece.events);
      at = piece.edge ?? at;
      lastSeq = Math.max(lastSeq, piece.lastSeq);
      atEnd = piece.isWhole && next[index]?.fold === null;
      if (!piece.isWhole) break;
    }
  }
  return { rows, fromSeq: after + 1, toSeq: at, lastSeq, atStart: after <= 0, atEnd };
};

/**
 * @param before seq; events before it are read. Infinity: the end of the log
 * @param last the newest events, where they are read already
 * @throws Error
 */
export const gatherBefore = async (
  options: GatherOptions,
  before: number,
  last?: Promise<LogPart>,
): Promise<Gathered> => {
  const { stretches } = options.folds;
  let rows: readonly LogEvent[] = [];
  let [at, lastSeq, atStart] = [before, 0, before <= 1];
  let toSeq = Number.isFinite(before) ? before - 1 : null;
  for (let round = 0; round < MOST_ROUNDS && rows.length < ENOUGH_ROWS && !atStart; round += 1) {
    const next = roundOf(stretches.filter(({ from }) => from < at).toReversed());
    const pieces = await Promise.all(next.map((stretch) => readBefore(options, stretch, at, last)));
    for (const [index, piece] of pieces.entries()) {
      toSeq ??= piece.endSeq;
      rows = joined(piece.events, rows);
      at = piece.edge ?? at;
      lastSeq = Math.max(lastSeq, piece.lastSeq);
      atStart = piece.isWhole && next[index]?.from === 1;
      if (!piece.isWhole) break;
    }
  }
  return {
    rows,
    fromSeq: Number.isFinite(at) ? at : 1,
    toSeq: toSeq ?? 0,
    lastSeq,
    atStart,
    atEnd: !Number.isFinite(before),
  };
};
