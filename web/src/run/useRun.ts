/** One run, kept up to date, and whether its log is whole. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Connection } from '../connection/connect.ts';
import { useStore } from '../look/watchable.ts';
import { followRun, type RunSnapshot } from './followRun.ts';
import { type Wholeness, wholenessOf } from './wholeness.ts';

/** Pauses before a log that could not be read is read again: they double, ms. */
const FIRST_PAUSE_MS = 1000;
const MOST_PAUSE_MS = 60_000;

export interface FollowedRunState extends RunSnapshot {
  readonly wholeness: Wholeness;
  /** Verifies a log that is too large to be verified without being asked. */
  readonly verify: () => void;
}

export const useRun = (connection: Connection, runId: string): FollowedRunState => {
  const followed = useMemo(() => followRun(connection.client, runId), [connection, runId]);
  useEffect(() => () => followed[Symbol.dispose](), [followed]);
  const { run, error } = useStore(followed.state);
  const [wholeness, setWholeness] = useState<Wholeness>('running');
  const [asked, setAsked] = useState(false);
  const status = run?.status;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a finished run does not change
  useEffect(() => {
    if (run === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isGone = false;
    const look = (pauseMs: number): void => {
      void wholenessOf(run, connection, asked).then(
        (found) => !isGone && setWholeness(found),
        // The connection was lost, or a token expired: the log itself is not the cause.
        () => {
          if (!isGone) timer = setTimeout(look, pauseMs, Math.min(2 * pauseMs, MOST_PAUSE_MS));
        },
      );
    };
    look(FIRST_PAUSE_MS);
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [run?.id, status, asked, connection]);
  const verify = useCallback(() => setAsked(true), []);
  return { run, error, wholeness, verify };
};
