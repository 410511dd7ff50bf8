/** Groups as the API shows them. Pure. */
import type { Seq } from '../../domain/events.ts';
import { errorsIn, linesIn, warningsIn } from '../../wire/logIndex/batchFacts.ts';
import type { IndexedGroup } from '../../wire/logIndex/groups.ts';
import type { LogIndex } from '../../wire/logIndex/logIndex.ts';

/** With the lines so far, if it is open. */
export interface LogGroup extends Omit<IndexedGroup, 'durationMs'> {
  readonly durationMs: number | null;
}

export interface OutlineRequest {
  readonly attempt: number | null;
  readonly maxDepth: number | null;
  readonly first: number;
  /** Only groups that start after this seq. */
  readonly after: Seq;
}

/** In the order of their start. */
export const outlineOf = (index: LogIndex, { attempt, maxDepth, first, after }: OutlineRequest): readonly LogGroup[] =>
  index.groups
    .filter(
      (group) =>
        group.seq > after &&
        (attempt === null || group.attempt === attempt) &&
        (maxDepth === null || group.depth <= maxDepth),
    )
    .slice(0, first)
    .map((group) => shown(index, group));

/** Groups that are open at an event, outermost first. */
export const openGroupsAt = (index: LogIndex, seq: Seq): readonly LogGroup[] =>
  index.groups
    .filter((group) => group.seq < seq && (group.endSeq === null || group.endSeq >= seq))
    .map((group) => shown(index, group));

const shown = ({ state: { levels } }: LogIndex, group: IndexedGroup): LogGroup =>
  group.endSeq !== null
    ? group
    : {
        ...group,
        durationMs: null,
        lines: linesIn(levels) - group.lines,
        errors: errorsIn(levels) - group.errors,
        warnings: warningsIn(levels) - group.warnings,
      };
