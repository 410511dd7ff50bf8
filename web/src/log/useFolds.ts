/** What is folded: groups by the window of the log, stack traces and details of lines here. */
import { useCallback, useMemo, useState } from 'react';
import { type DisplayRow, displayRows } from '../line/displayRows.ts';
import type { LogEvent } from '../line/logEvents.ts';
import type { GroupSummary } from '../line/logRow.tsx';
import { canFold, groupsAround } from './window/folds.ts';
import type { OpenLog } from './window/useLogWindow.ts';
import { firstOf } from './window/windowSnapshot.ts';

export interface FoldState {
  readonly rows: readonly DisplayRow[];
  readonly groupOf: (seq: number) => GroupSummary | null;
  /** Its details or its group are shown. */
  readonly isOpen: (event: LogEvent) => boolean;
  readonly toggle: (event: LogEvent) => void;
  readonly toggleStack: (seq: number) => void;
}

const toggled = (set: ReadonlySet<number>, seq: number): ReadonlySet<number> => {
  const next = new Set(set);
  if (!next.delete(seq)) next.add(seq);
  return next;
};

/** @param hasFilter nothing is folded then, and groups can't be */
export const useFolds = ({ log, snapshot, overview }: OpenLog, marked: number, hasFilter: boolean): FoldState => {
  const [details, setDetails] = useState<ReadonlySet<number>>(new Set());
  const [stacks, setStacks] = useState<ReadonlySet<number>>(new Set());
  const { rows: events, folds } = snapshot;
  const folded = useMemo(() => new Set(folds.all.map(({ seq }) => seq)), [folds]);
  const groups = useMemo(() => new Map(overview?.groups.map((group) => [group.seq, group])), [overview]);
  const depth = groupsAround(overview, firstOf(events)).length;
  const rows = useMemo(
    () => displayRows(events, { depth, isFolded: (seq) => folded.has(seq), stacks, marked }),
    [events, depth, folded, stacks, marked],
  );
  const toggle = useCallback(
    (event: LogEvent): void => {
      if (event.__typename === 'GroupStarted') void log.toggleGroup(event.seq);
      else setDetails((now) => toggled(now, event.seq));
    },
    [log],
  );
  const toggleStack = useCallback((seq: number): void => setStacks((now) => toggled(now, seq)), []);
  return useMemo(
    () => ({
      rows,
      groupOf: (seq) => {
        const group = groups.get(seq);
        if (group === undefined || overview === null) return null;
        return { ...group, canFold: !hasFilter && canFold(overview, group) };
      },
      isOpen: ({ __typename, seq }) => (__typename === 'GroupStarted' ? !folded.has(seq) : details.has(seq)),
      toggle,
      toggleStack,
    }),
    [rows, groups, overview, hasFilter, folded, details, toggle, toggleStack],
  );
};
