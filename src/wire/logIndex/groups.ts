/**
 * The groups of a log, in the order of their start. At most MOST_GROUPS of MOST_BYTES; beyond that the deepest level is
 * removed and not kept any more; of the outermost level, the first half and the newest ones stay.
 */
import type { EpochMs, Seq } from '../../domain/events.ts';
import type { GroupFact } from './batchFacts.ts';
import { errorsIn, type LevelCounts, linesIn, sumOf, warningsIn } from './batchFacts.ts';
import { base36, fromBase36 } from './indexState.ts';

export const MOST_GROUPS = 2000;
/** Of names, UTF-16 units: with the numbers, the groups of a run have about 256 KiB at most. */
const MOST_NAMES = 128 * 1024;
/** A longer name is cut, UTF-16 units. */
const NAME_LENGTH = 256;

/** A group as it is kept. */
export interface IndexedGroup {
  /** seq of its GroupStarted. */
  readonly seq: Seq;
  /** Of its GroupEnded, or of the AttemptFinished that ended it. Null while it is open. */
  readonly endSeq: Seq | null;
  /** seq of the group around it. */
  readonly parent: Seq | null;
  /** 1: it is in no other group. */
  readonly depth: number;
  readonly attempt: number;
  readonly startedAt: EpochMs;
  /** While it is open, 0. */
  readonly durationMs: number;
  /** Lines in it, with those of groups in it. While it is open: lines of the log before it. */
  readonly lines: number;
  readonly errors: number;
  readonly warnings: number;
  readonly name: string;
}

export const formatGroup = (group: IndexedGroup): string => {
  const { seq, endSeq, parent, depth, attempt, startedAt, durationMs, lines, errors, warnings, name } = group;
  const numbers = [seq, endSeq, parent, depth, attempt, startedAt, durationMs, lines, errors, warnings];
  return `${numbers.map(base36).join(',')},${name}`;
};

const NUMBERS = 10;
export const parseGroup = (text: string): IndexedGroup => {
  const parts = text.split(',');
  const [
    seq = 0,
    end,
    parent,
    depth = 1,
    attempt = 1,
    startedAt = 0,
    durationMs = 0,
    lines = 0,
    errors = 0,
    warnings = 0,
  ] = parts.slice(0, NUMBERS).map(fromBase36);
  const ends = { endSeq: end || null, parent: parent || null };
  const name = parts.slice(NUMBERS).join(',');
  return { seq, ...ends, depth, attempt, startedAt, durationMs, lines, errors, warnings, name };
};

export const groupField = (slot: number): string => `g${slot}`;

const shortName = (name: string): string =>
  name.length <= NAME_LENGTH ? name : `${name.slice(0, NAME_LENGTH - 1).toWellFormed()}…`;

/** Where a batch is in its log. */
interface At {
  readonly firstSeq: Seq;
  readonly attempt: number;
  /** Lines of the log before the batch. */
  readonly levels: LevelCounts;
}

const NO_FIELDS: readonly string[] = [];

export class GroupTable {
  #groups: IndexedGroup[];
  /** Open groups, outermost first, with those that are not kept. */
  #open: IndexedGroup[];
  #started: number;
  /** Groups that are deeper are not kept. */
  #maxDepth = Number.POSITIVE_INFINITY;
  #names = 0;
  /** Slots that are not stored as they are. Null: all. */
  #changed: Set<number> | null = new Set();

  constructor(groups: readonly IndexedGroup[] = [], started: number = groups.length) {
    this.#groups = [...groups];
    this.#open = groups.filter(({ endSeq }) => endSeq === null);
    this.#started = started;
    for (const { name } of groups) this.#names += name.length;
    // Which depth was given up is not stored. What was too deep once is too deep again.
    if (started > groups.length) this.#maxDepth = Math.max(1, ...groups.map(({ depth }) => depth));
  }

  get all(): readonly IndexedGroup[] {
    return this.#groups;
  }
  get started(): number {
    return this.#started;
  }
  /** Kept groups that are open, outermost first. */
  get open(): readonly IndexedGroup[] {
    return this.#open.filter(({ depth }) => depth <= this.#maxDepth);
  }

  /** How many they are. */
  get openCount(): number {
    return this.#open.length === 0 ? 0 : this.open.length;
  }

  add(fact: GroupFact, at: At): void {
    const seq = at.firstSeq + fact.offset;
    const levels = sumOf(at.levels, fact.levels);
    if (fact.kind === 'start') this.#start(fact, seq, at.attempt, levels);
    else if (fact.kind === 'endAll') for (const group of [...this.#open]) this.#end(group, fact, seq, levels);
    else {
      const group = this.#open.findLast(({ seq: start }) => fact.startSeq === undefined || start === fact.startSeq);
      if (group !== undefined) this.#end(group, fact, seq, levels);
    }
  }

  /** Fields and values of the groups that are not stored as they are. They count as stored then. */
  takeFields(): readonly string[] {
    if (this.#changed?.size === 0) return NO_FIELDS;
    const slots = this.#changed ?? this.#groups.keys();
    this.#changed = new Set();
    return [...slots].flatMap((slot) => {
      const group = this.#groups[slot];
      return group === undefined ? [] : [groupField(slot), formatGroup(group)];
    });
  }

  /** No group counts as stored. */
  storeAgain(): void {
    this.#changed = null;
  }

  #start({ timestamp, name }: GroupFact, seq: Seq, attempt: number, levels: LevelCounts): void {
    const around = this.#open.at(-1);
    const group: IndexedGroup = {
      seq,
      endSeq: null,
      parent: around?.seq ?? null,
      depth: (around?.depth ?? 0) + 1,
      attempt,
      startedAt: timestamp,
      durationMs: 0,
      lines: linesIn(levels),
      errors: errorsIn(levels),
      warnings: warningsIn(levels),
      name: shortName(name),
    };
    this.#started += 1;
    this.#open.push(group);
    if (group.depth > this.#maxDepth) return;
    this.#changed?.add(this.#groups.length);
    this.#groups.push(group);
    this.#names += group.name.length;
    while (this.#isFull) this.#giveUp();
  }

  #end(group: IndexedGroup, { timestamp, name }: GroupFact, endSeq: Seq, levels: LevelCounts): void {
    this.#open.splice(this.#open.indexOf(group), 1);
    const slot = this.#groups.findLastIndex(({ seq }) => seq === group.seq);
    if (slot < 0) return;
    this.#changed?.add(slot);
    this.#groups[slot] = {
      ...group,
      endSeq,
      durationMs: Math.max(timestamp - group.startedAt, 0),
      lines: linesIn(levels) - group.lines,
      errors: errorsIn(levels) - group.errors,
      warnings: warningsIn(levels) - group.warnings,
      // Masked again at its end.
      name: name === '' ? group.name : shortName(name),
    };
  }

  get #isFull(): boolean {
    return this.#groups.length > MOST_GROUPS || this.#names > MOST_NAMES;
  }

  #giveUp(): void {
    const deepest = this.#groups.reduce((most, { depth }) => Math.max(most, depth), 0);
    if (deepest > 1) {
      this.#maxDepth = deepest - 1;
      this.#groups = this.#groups.filter(({ depth }) => depth < deepest);
    } else {
      // A quarter at once, so that the table is not written anew with each group.
      const half = Math.floor(this.#groups.length / 2);
      this.#groups.splice(half, Math.ceil(half / 2));
    }
    this.#names = this.#groups.reduce((sum, { name }) => sum + name.length, 0);
    this.storeAgain();
  }
}
