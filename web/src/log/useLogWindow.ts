/** The window of a log for a page: opened where the address says, and closed with the page. */
import { useEffect, useMemo } from 'react';
import { useClient } from 'urql';
import type { Route } from '../look/route.ts';
import { useStore } from '../look/watchable.ts';
import { findLine, findTime, type LogSource, logSource } from './logSource.ts';
import { LogWindow, type WindowSnapshot } from './logWindow.ts';

export interface OpenLog {
  readonly source: LogSource;
  readonly log: LogWindow;
  readonly snapshot: WindowSnapshot;
}

/** Resolves to the seq to show; null: the end. */
const placeOf = async (source: LogSource, { seqs, lines, time, first }: Route): Promise<number | null> => {
  if (seqs !== null) return seqs.from;
  if (lines !== null) return lines.from;
  if (time !== null && !Number.isNaN(Date.parse(time))) return await findTime(source, Date.parse(time));
  if (first !== 'error') return null;
  const { signal } = new AbortController();
  const error = await findLine({ source, from: 0, forward: true, filter: { minLevel: 'ERROR' }, signal });
  return error?.seq ?? null;
};

/** @param onPlace called with the event that the address names, before it is shown */
export const useLogWindow = (runId: string, route: Route, onPlace: (seq: number) => void): OpenLog => {
  const client = useClient();
  const source = useMemo(() => logSource(client, runId), [client, runId]);
  const log = useMemo(() => new LogWindow(source, {}), [source]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address at the opening counts, and later changes of it
  useEffect(() => {
    let gone = false;
    const open = async (): Promise<void> => {
      const seq = await placeOf(source, route).catch(() => null);
      if (gone) return;
      if (seq === null) return await log.openEnd();
      onPlace(seq);
      await log.openAt(seq);
    };
    void open();
    return () => {
      gone = true;
    };
  }, [log, source, route]);
  useEffect(() => () => log[Symbol.dispose](), [log]);
  return { source, log, snapshot: useStore(log.state) };
};
