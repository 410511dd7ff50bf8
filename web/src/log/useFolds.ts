/** What the reader has folded and unfolded. */
import { useCallback, useMemo, useState } from 'react';
import type { Folds } from '../line/displayRows.ts';
import type { LogEvent } from '../line/logEvents.ts';

export interface FoldState extends Folds {
  /** Seqs of the lines whose details are shown. */
  readonly details: ReadonlySet<number>;
  readonly toggle: (event: LogEvent) => void;
  readonly toggleStack: (seq: number) => void;
}

const toggled = (set: ReadonlySet<number>, seq: number): ReadonlySet<number> => {
  const next = new Set(set);
  if (!next.delete(seq)) next.add(seq);
  return next;
};

export const useFolds = (): FoldState => {
  const [groups, setGroups] = useState<ReadonlySet<number>>(new Set());
  const [details, setDetails] = useState<ReadonlySet<number>>(new Set());
  const [stacks, setStacks] = useState<ReadonlySet<number>>(new Set());
  const toggle = useCallback((event: LogEvent): void => {
    const set = event.__typename === 'GroupStarted' ? setGroups : setDetails;
    set((now) => toggled(now, event.seq));
  }, []);
  const toggleStack = useCallback((seq: number): void => setStacks((now) => toggled(now, seq)), []);
  return useMemo(
    () => ({ groups, details, stacks, toggle, toggleStack }),
    [groups, details, stacks, toggle, toggleStack],
  );
};
