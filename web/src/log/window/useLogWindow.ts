/** The window of a log for a page: opened where the address says, and closed with the page. */
import { useEffect, useMemo, useRef } from 'react';
import { useClient } from 'urql';
import type { LineRange, Route } from '../../look/route.ts';
import { useStore } from '../../look/watchable.ts';
import { type LogSource, logSource } from './logSource.ts';
import { LogWindow } from './logWindow.ts';
import type { Overview } from './overview.ts';
import type { WindowSnapshot } from './windowSnapshot.ts';

export interface OpenLog {
  readonly source: LogSource;
  readonly log: LogWindow;
  readonly snapshot: WindowSnapshot;
  readonly overview: Overview | null;
}

/** Resolves to the seqs to show and to mark; null: the end of the log. */
const placeOf = async (source: LogSource, log: LogWindow, route: Route): Promise<LineRange | null> => {
  const { seqs, lines, time, first } = route;
  if (seqs !== null) return seqs;
  const at = (seq: number | null): LineRange | null => (seq === null ? null : { from: seq, to: seq });
  if (lines !== null) {
    const [from, to] = await Promise.all([source.place({ line: lines.from }), source.place({ line: lines.to })]);
    return from === null ? null : { from, to: to ?? from };
  }
  if (time !== null) return at(await source.place({ time }));
  if (first === null) return null;
  await log.overview.first;
  return at(log.overview.state.get()?.stats.firstError ?? null);
};

/** @param onPlace called with the events that the address names, before they are shown */
export const useLogWindow = (runId: string, route: Route, onPlace: (seqs: LineRange) => void): OpenLog => {
  const client = useClient();
  const isGone = useRef(false);
  const place = useRef(onPlace);
  place.current = onPlace;
  const open = async (source: LogSource, log: LogWindow, at: Route): Promise<void> => {
    const seqs = await placeOf(source, log, at).catch(() => null);
    if (isGone.current) return;
    if (seqs === null) return await log.openEnd();
    place.current(seqs);
    await log.reveal(seqs.from);
  };
  // Opened at once, not in an effect: the log is read while the page is rendered for the first time.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address at the opening counts; later changes of it below
  const { source, log } = useMemo(() => {
    const its = logSource(client, runId);
    const opened = new LogWindow(its);
    void open(its, opened, route);
    return { source: its, log: opened };
  }, [client, runId]);
  const shown = useRef(route);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another address
  useEffect(() => {
    if (shown.current === route) return;
    shown.current = route;
    void open(source, log, route);
  }, [route]);
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
      log[Symbol.dispose]();
    };
  }, [log]);
  return { source, log, snapshot: useStore(log.state), overview: useStore(log.overview.state) };
};
