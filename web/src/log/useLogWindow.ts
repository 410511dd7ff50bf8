/** The window of a log for a page: opened where the address says, and closed with the page. */
import { useEffect, useMemo } from 'react';
import { useClient } from 'urql';
import type { LineRange, Route } from '../look/route.ts';
import { useStore } from '../look/watchable.ts';
import { type LogSource, logSource } from './logSource.ts';
import { LogWindow, type WindowSnapshot } from './logWindow.ts';

export interface OpenLog {
  readonly source: LogSource;
  readonly log: LogWindow;
  readonly snapshot: WindowSnapshot;
}

/** Resolves to the seqs to show and to mark; null: the end of the log. */
const placeOf = async (source: LogSource, { seqs, lines, time, first }: Route): Promise<LineRange | null> => {
  if (seqs !== null) return seqs;
  const at = (seq: number | null): LineRange | null => (seq === null ? null : { from: seq, to: seq });
  if (lines !== null) {
    const [from, to] = await Promise.all([source.place({ line: lines.from }), source.place({ line: lines.to })]);
    return from === null ? null : { from, to: to ?? from };
  }
  if (time !== null) return at(await source.place({ time }));
  return first === 'error' ? at(await source.firstError()) : null;
};

/** @param onPlace called with the events that the address names, before they are shown */
export const useLogWindow = (runId: string, route: Route, onPlace: (seqs: LineRange) => void): OpenLog => {
  const client = useClient();
  const source = useMemo(() => logSource(client, runId), [client, runId]);
  const log = useMemo(() => new LogWindow(source, {}), [source]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address at the opening counts, and later changes of it
  useEffect(() => {
    let gone = false;
    const open = async (): Promise<void> => {
      const seqs = await placeOf(source, route).catch(() => null);
      if (gone) return;
      if (seqs === null) return await log.openEnd();
      onPlace(seqs);
      await log.openAt(seqs.from);
    };
    void open();
    return () => {
      gone = true;
    };
  }, [log, source, route]);
  useEffect(() => () => log[Symbol.dispose](), [log]);
  return { source, log, snapshot: useStore(log.state) };
};
