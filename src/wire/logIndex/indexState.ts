/**
 * The counts of a log: one field of the run's record (`logIndex`), which each append replaces. It is a list of numbers in
 * base 36 with commas, '' for 0 and null, so that it is small: most are 0.
 */
import type { EpochMs, Seq } from '../../domain/events.ts';
import { type BatchFacts, type LevelCounts, NO_LINES, sumOf } from './batchFacts.ts';

export interface IndexState {
  /** The newest event that is counted. If it is not the record's lastSeq, an older version wrote to the log. */
  readonly seq: Seq;
  readonly levels: LevelCounts;
  /** Lines of log.txt, with dropped and lost ones: the next line has the next number. */
  readonly commandLines: number;
  /** The first and the newest line of level ERROR or above. */
  readonly firstError: Seq | null;
  readonly lastError: Seq | null;
  /** Timestamp of the first event, and the largest one. */
  readonly firstAt: EpochMs;
  readonly maxAt: EpochMs;
  /** Timestamp of the newest event. */
  readonly lastAt: EpochMs;
  /** How many marks and groups the hash has. */
  readonly marks: number;
  readonly groups: number;
  /** Groups that have started, with those that are not kept. */
  readonly groupsStarted: number;
  /** Kept groups that are open. */
  readonly openGroups: number;
}

/** Of a log without events. */
export const EMPTY_STATE: IndexState = {
  seq: 0,
  levels: NO_LINES,
  commandLines: 0,
  firstError: null,
  lastError: null,
  firstAt: 0,
  maxAt: 0,
  lastAt: 0,
  marks: 0,
  groups: 0,
  groupsStarted: 0,
  openGroups: 0,
};

export interface IndexedBatch {
  readonly firstSeq: Seq;
  readonly count: number;
  readonly attempt: number;
  readonly facts: BatchFacts;
}

/** The state after the batch, without its marks and groups. */
export const stateAfter = (state: IndexState, { firstSeq, count, facts }: IndexedBatch): IndexState => ({
  ...state,
  seq: firstSeq + count - 1,
  levels: sumOf(state.levels, facts.levels),
  commandLines: state.commandLines + facts.commandLines,
  firstError: state.firstError ?? (facts.firstError === null ? null : firstSeq + facts.firstError),
  lastError: facts.lastError === null ? state.lastError : firstSeq + facts.lastError,
  firstAt: state.seq === 0 ? (facts.firstAt ?? 0) : state.firstAt,
  maxAt: Math.max(state.maxAt, facts.maxAt),
  lastAt: facts.lastAt,
});

/** Whole numbers. An instant can have a fraction: a mark's instant must not be before it. */
export const base36 = (value: number | null): string => (value ? Math.ceil(value).toString(36) : '');
export const fromBase36 = (text: string | undefined): number => (text ? Number.parseInt(text, 36) : 0);

/** The text of the state. Instants are relative to the ones before them. */
export const formatState = (state: IndexState): string =>
  [
    state.seq,
    ...state.levels,
    state.commandLines,
    state.firstError,
    state.lastError,
    state.firstAt,
    state.maxAt - state.firstAt,
    state.lastAt - state.maxAt,
    state.marks,
    state.groups,
    state.groupsStarted,
    state.openGroups,
  ]
    .map(base36)
    .join(',');

/** Null if there is none. */
export const parseState = (text: string | null | undefined): IndexState | null => {
  if (!text) return null;
  const [seq = 0, ...numbers] = text.split(',').map(fromBase36);
  const levels = numbers.splice(0, NO_LINES.length);
  const [commandLines = 0, firstError, lastError, firstAt = 0, max = 0, last = 0, ...counts] = numbers;
  const [marks = 0, groups = 0, groupsStarted = 0, openGroups = 0] = counts;
  const maxAt = firstAt + max;
  const errors = { firstError: firstError || null, lastError: lastError || null };
  const instants = { firstAt, maxAt, lastAt: maxAt + last };
  return { seq, levels, commandLines, ...errors, ...instants, marks, groups, groupsStarted, openGroups };
};
