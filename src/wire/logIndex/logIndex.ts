/**
 * What is kept about a log as it is written: counts, marks and groups. The writer of a log computes it for each batch and
 * hands it to the append (scripts/append.lua), which stores it in the same atomic step. It holds totals, not differences,
 * so an append that is repeated changes nothing. A reader of an old log computes the same from its events.
 */
import { GroupTable, type IndexedGroup } from './groups.ts';
import {
  EMPTY_STATE,
  formatState,
  type IndexedBatch,
  type IndexState,
  stateAfter,
  type TableSizes,
} from './indexState.ts';
import { type Mark, MarkTable } from './marks.ts';

/** What an append changes in the index. */
export interface IndexUpdate {
  /** The record's field `logIndex`. */
  readonly state: string;
  /** Fields and values of the hash, alternating. */
  readonly fields: readonly string[];
}

/** The marks and groups of a log. */
export interface IndexTables {
  readonly marks: readonly Mark[];
  readonly groups: readonly IndexedGroup[];
}

export class LogIndex {
  #state: IndexState;
  #storesAgain = false;
  /** Null for a writer that has not read them: it must write no lines and no groups. */
  readonly #tables: { readonly marks: MarkTable; readonly groups: GroupTable } | null;

  constructor(state: IndexState = EMPTY_STATE, tables: IndexTables | null = { marks: [], groups: [] }) {
    this.#state = state;
    this.#tables = tables && {
      marks: new MarkTable(tables.marks),
      groups: new GroupTable(tables.groups, state.groupsStarted),
    };
  }

  get state(): IndexState {
    return this.#state;
  }
  get marks(): readonly Mark[] {
    return this.#tables?.marks.all ?? [];
  }
  get groups(): readonly IndexedGroup[] {
    return this.#tables?.groups.all ?? [];
  }
  /** Outermost first. */
  get openGroups(): readonly IndexedGroup[] {
    return this.#tables?.groups.open ?? [];
  }

  /** The next batch of the log. */
  add(batch: IndexedBatch): IndexUpdate {
    const { firstSeq, attempt, facts } = batch;
    const before = this.#state;
    this.#tables?.marks.add(firstSeq, before);
    for (const fact of facts.groups) this.#tables?.groups.add(fact, { firstSeq, attempt, levels: before.levels });
    this.#state = stateAfter(before, batch, this.#sizes());
    this.#storesAgain = false;
    const fields = this.#tables ? [...this.#tables.marks.takeFields(), ...this.#tables.groups.takeFields()] : [];
    return { state: formatState(this.#state), fields };
  }

  /** A copy, for a batch that Redis can refuse. */
  copy(): LogIndex {
    const copy = new LogIndex(this.#state, this.#tables && { marks: this.marks, groups: this.groups });
    if (this.#storesAgain) copy.storeAgain();
    return copy;
  }

  /** Redis lost lines, which keep their numbers. */
  skipLines(count: number): void {
    this.#state = { ...this.#state, commandLines: this.#state.commandLines + count };
  }

  /** Redis may have lost a part of the hash: the next update has all of it. */
  storeAgain(): void {
    this.#storesAgain = true;
    this.#tables?.marks.storeAgain();
    this.#tables?.groups.storeAgain();
  }

  #sizes(): TableSizes {
    if (this.#tables === null) return this.#state;
    const { marks, groups } = this.#tables;
    return {
      marks: marks.all.length,
      groups: groups.all.length,
      groupsStarted: groups.started,
      openGroups: groups.openCount,
    };
  }
}
