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

/** The part of a state that counts marks and groups. */
export type TableSizes = Pick<IndexState, 'marks' | 'groups' | 'groupsStarted' | 'openGroups'>;

/** The state after the batch. `tables`: after it. */
export const stateAfter = (
  state: IndexState,
  { firstSeq, count, facts }: IndexedBatch,
  tables: TableSizes = state,
): IndexState => ({
  seq: firstSeq + count - 1,
  levels: sumOf(state.levels, facts.levels),
  commandLines: state.commandLines + facts.commandLines,
  firstError: state.firstError ?? (facts.firstError === null ? null : firstSeq + facts.firstError),
  lastError: facts.lastError === null ? state.lastError : firstSeq + facts.lastError,
  firstAt: state.seq === 0 ? (facts.firstAt ?? 0) : state.firstAt,
  maxAt: Math.max(state.maxAt, facts.maxAt),
  lastAt: facts.lastAt,
  marks: tables.marks,
  groups: tables.groups,
  groupsStarted: tables.groupsStarted,
  openGroups: tables.openGroups,
});

/** Whole numbers. An instant can have a fraction: a mark's instant must not be before it. */
export const base36 = (value: number | null): string => {
  if (!value) return '';
  return value < 36 && value > 0 ? (DIGITS[Math.ceil(value)] ?? '10') : Math.ceil(value).toString(36);
};
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
export const fromBase36 = (text: string | undefined): number => (text ? Number.parseInt(text, 36) : 0);

/** The text of the state. Instants are relative to the ones before them. Made for each append, so without a list. */
export const formatState = (state: IndexState): string => {
  const { firstAt, maxAt } = state;
  let text = base36(state.seq);
  for (const lines of state.levels) text += `,${base36(lines)}`;
  text += `,${base36(state.commandLines)},${base36(state.firstError)},${base36(state.lastError)}`;
  text += `,${base36(firstAt)},${base36(maxAt - firstAt)},${base36(state.lastAt - maxAt)}`;
  return `${text},${base36(state.marks)},${base36(state.groups)},${base36(state.groupsStarted)},${base36(state.openGroups)}`;
};

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
