/** One run, kept up to date, and whether its log is whole. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Connection } from '../connection/connect.ts';
import { useStore } from '../look/watchable.ts';
import { followRun, type RunSnapshot } from './followRun.ts';
import { type Wholeness, wholenessOf } from './wholeness.ts';

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
    if (run === null) return;
    void wholenessOf(run, connection, asked).then(setWholeness, () => setWholeness('unprovable'));
  }, [run?.id, status, asked, connection]);
  const verify = useCallback(() => setAsked(true), []);
  return { run, error, wholeness, verify };
};
