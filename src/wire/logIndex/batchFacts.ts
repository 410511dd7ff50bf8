import type { EpochMs, EventDraft, Seq } from '../../domain/events.ts';
import { LOG_LEVELS } from '../../domain/events.ts';

const INFO = LOG_LEVELS.indexOf('INFO');
const WARNING = LOG_LEVELS.indexOf('WARNING');
const ERROR = LOG_LEVELS.indexOf('ERROR');

/** Lines by level, in the order of LOG_LEVELS. */
export type LevelCounts = readonly number[];
export const NO_LINES: LevelCounts = LOG_LEVELS.map(() => 0);

export const linesIn = (levels: LevelCounts): number => levels.reduce((sum, lines) => sum + lines, 0);
export const warningsIn = (levels: LevelCounts): number => levels[WARNING] ?? 0;
/** Lines of level ERROR and above. */
export const errorsIn = (levels: LevelCounts): number => linesIn(levels.slice(ERROR));
export const sumOf = (a: LevelCounts, b: LevelCounts): LevelCounts => {
  const sum: number[] = [];
  for (let i = 0; i < a.length; i += 1) sum.push((a[i] ?? 0) + (b[i] ?? 0));
  return sum;
};
export const differenceOf = (a: LevelCounts, b: LevelCounts): LevelCounts => a.map((lines, i) => lines - (b[i] ?? 0));

/** A group's start or end in a batch, or the end of the attempt, which ends all groups. */
export interface GroupFact {
  readonly kind: 'start' | 'end' | 'endAll';
  /** Of the event in its batch, from 0. */
  readonly offset: number;
  readonly timestamp: EpochMs;
  readonly name: string;
  /** Of an `end`; undefined in logs of older versions: then it ends the innermost group. */
  readonly startSeq: Seq | undefined;
  /** Lines in the batch before the event. */
  readonly levels: LevelCounts;
}

/** What the index of a log needs to know of one batch. Costs nothing per plain line. */
export class BatchFacts {
  readonly #levels = [...NO_LINES];
  readonly groups: GroupFact[] = [];
  /** Lines of log.txt. */
  commandLines = 0;
  /** Offsets in the batch of the first and newest line of level ERROR or above. */
  firstError: number | null = null;
  lastError: number | null = null;
  firstAt: EpochMs | null = null;
  lastAt: EpochMs = 0;
  /** The largest timestamp: those of records are not in order. */
  maxAt: EpochMs = 0;

  get levels(): LevelCounts {
    return this.#levels;
  }

  /** Adds plain lines. */
  addLines(at: EpochMs, count: number): void {
    this.#levels[INFO] = (this.#levels[INFO] ?? 0) + count;
    this.commandLines += count;
    this.#seen(at);
  }

  /** Adds an event. `offset`: events in the batch before it. */
  add(draft: EventDraft, offset: number): void {
    this.#seen(draft.timestamp);
    switch (draft.kind) {
      case 'LogLine': {
        const level = LOG_LEVELS.indexOf(draft.level);
        this.#levels[level] = (this.#levels[level] ?? 0) + 1;
        if (draft.stream !== 'SYSTEM') this.commandLines += 1;
        if (level < ERROR) return;
        this.firstError ??= offset;
        this.lastError = offset;
        return;
      }
      case 'GroupStarted':
        this.#group('start', draft, offset);
        return;
      case 'GroupEnded':
        this.#group('end', draft, offset);
        return;
      case 'AttemptFinished':
        this.#group('endAll', { timestamp: draft.timestamp, name: '' }, offset);
        return;
      default:
    }
  }

  #seen(at: EpochMs): void {
    this.firstAt ??= at;
    this.lastAt = at;
    if (at > this.maxAt) this.maxAt = at;
  }

  #group(
    kind: GroupFact['kind'],
    { timestamp, name, startSeq }: { readonly timestamp: EpochMs; readonly name: string; readonly startSeq?: Seq },
    offset: number,
  ): void {
    this.groups.push({ kind, offset, timestamp, name, startSeq, levels: [...this.#levels] });
  }
}
