/**
 * Marks: places of a log, each with what was before it, so that a line number or an instant is found without reading the
 * log. At most MOST_MARKS; beyond that every second or so is removed, and later ones are further apart.
 */
import type { EpochMs, Seq } from '../../domain/events.ts';
import { type LevelCounts, NO_LINES } from './batchFacts.ts';
import { base36, fromBase36, type IndexState } from './indexState.ts';

export const MOST_MARKS = 1024;
/** Marks that remain for each of the two distances when there are too many. */
const KEPT_MARKS = MOST_MARKS / 3;
/** The first distances: events, milliseconds. A mark is made where either is reached. */
const FIRST_EVENTS = 1000;
const FIRST_MS = 10;

export interface Mark {
  /** The first event after the mark. */
  readonly seq: Seq;
  /** The largest timestamp before it. */
  readonly maxAt: EpochMs;
  /** Lines of log.txt before it. */
  readonly commandLines: number;
  /** Lines before it, by level. */
  readonly levels: LevelCounts;
}

/** The beginning of every log. */
export const FIRST_MARK: Mark = { seq: 1, maxAt: Number.NEGATIVE_INFINITY, commandLines: 0, levels: NO_LINES };

export const markAt = (seq: Seq, { maxAt, commandLines, levels }: IndexState): Mark => ({
  seq,
  maxAt,
  commandLines,
  levels,
});

const formatMark = ({ seq, maxAt, commandLines, levels }: Mark): string =>
  [seq, maxAt, commandLines, ...levels].map(base36).join(',');

export const parseMark = (text: string): Mark => {
  const [seq = 0, maxAt = 0, commandLines = 0, ...levels] = text.split(',').map(fromBase36);
  return { seq, maxAt, commandLines, levels };
};

export const markField = (slot: number): string => `m${slot}`;

const NO_FIELDS: readonly string[] = [];

export class MarkTable {
  #marks: Mark[];
  #events = FIRST_EVENTS;
  #ms = FIRST_MS;
  /** Marks before this slot are stored. */
  #storedTo: number;

  constructor(marks: readonly Mark[] = []) {
    this.#marks = [...marks];
    this.#storedTo = marks.length;
    if (marks.length > KEPT_MARKS) this.#widen();
  }

  get all(): readonly Mark[] {
    return this.#marks;
  }

  /** Adds a mark before the event if it is far enough from the last one. */
  add(seq: Seq, state: IndexState): void {
    const last = this.#marks.at(-1) ?? FIRST_MARK;
    if (seq <= FIRST_MARK.seq) return;
    if (seq - last.seq < this.#events && state.maxAt - last.maxAt < this.#ms) return;
    this.#marks.push(markAt(seq, state));
    if (this.#marks.length > MOST_MARKS) this.#thin();
  }

  /** Fields and values of the marks that are not stored yet. They count as stored then. */
  takeFields(): readonly string[] {
    const from = this.#storedTo;
    if (from === this.#marks.length) return NO_FIELDS;
    this.#storedTo = this.#marks.length;
    return this.#marks.slice(from).flatMap((mark, i) => [markField(from + i), formatMark(mark)]);
  }

  /** No mark counts as stored. */
  storeAgain(): void {
    this.#storedTo = 0;
  }

  #thin(): void {
    this.#widen();
    const kept: Mark[] = [];
    for (const mark of this.#marks) {
      const last = kept.at(-1) ?? FIRST_MARK;
      if (mark.seq - last.seq >= this.#events || mark.maxAt - last.maxAt >= this.#ms) kept.push(mark);
    }
    this.#marks = kept;
    this.storeAgain();
  }

  /** Chooses the distances so that KEPT_MARKS of each fit into the log so far. */
  #widen(): void {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (first === undefined || last === undefined) return;
    this.#events = Math.max(this.#events, Math.ceil(last.seq / KEPT_MARKS));
    this.#ms = Math.max(this.#ms, (last.maxAt - first.maxAt) / KEPT_MARKS);
  }
}
