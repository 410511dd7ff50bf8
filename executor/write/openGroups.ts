import type { EpochMs, GroupEndedDraft, GroupStartedDraft, Seq } from '../../src/domain/events.ts';

interface OpenGroup {
  readonly seq: Seq;
  readonly name: string;
  readonly startedAt: EpochMs;
}

/** The groups of the attempt that are open, outermost first. The output bounds them (WorkflowCommands). */
export class OpenGroups {
  readonly #groups: OpenGroup[];
  /** Groups of an earlier executor of the attempt: its command is gone, so they stay open until the end. */
  readonly #inherited: number;

  constructor(inherited: readonly OpenGroup[] = []) {
    this.#groups = [...inherited];
    this.#inherited = inherited.length;
  }

  started({ name, timestamp }: GroupStartedDraft, seq: Seq): void {
    this.#groups.push({ seq, name, startedAt: timestamp });
  }

  /** The event with what only its writer knows. It ends the innermost group, an implicit one the outermost. */
  ended(draft: GroupEndedDraft): GroupEndedDraft {
    const at = draft.implicit ? this.#inherited : this.#groups.length - 1;
    const [group] = this.#groups.splice(at, 1);
    if (group === undefined) return draft;
    return { ...draft, startSeq: group.seq, durationMs: Math.max(draft.timestamp - group.startedAt, 0) };
  }

  /** Ends all, innermost first. */
  endAll(timestamp: EpochMs, mask: (text: string) => string): readonly GroupEndedDraft[] {
    return this.#groups
      .splice(0)
      .map(
        ({ seq, name, startedAt }): GroupEndedDraft => ({
          kind: 'GroupEnded',
          timestamp,
          name: mask(name),
          startSeq: seq,
          durationMs: Math.max(timestamp - startedAt, 0),
          implicit: true,
        }),
      )
      .reverse();
  }
}
