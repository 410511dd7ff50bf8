/** What `<runloom-log>` shows: the status of the run, the connection, the log. */
import { useEffect } from 'react';
import { Badge } from '../connection/badge.tsx';
import type { Connection } from '../connection/connect.ts';
import { LogView } from '../log/logView.tsx';
import { routeOf } from '../look/route.ts';
import { useStore } from '../look/watchable.ts';
import { useRun } from '../run/useRun.ts';
import { WHOLENESS_TEXT } from '../run/wholeness.ts';
import { Status } from '../runs/status.tsx';
import type { RunloomLogState } from './elementTypes.ts';

interface EmbeddedLogProps {
  readonly runId: string;
  readonly connection: Connection;
  readonly onState: (state: RunloomLogState) => void;
}

/** The end of the log: the address of the page is not about the log. */
const AT_END = routeOf({ search: '', hash: '' });
const WHOLE: Readonly<Record<string, boolean>> = { verified: true, different: false };

export const EmbeddedLog = ({ runId, connection, onState }: EmbeddedLogProps) => {
  const { run, error, wholeness, verify } = useRun(connection, runId);
  const { state, reason } = useStore(connection.state);
  const status = run?.status ?? null;
  const wrong = error ?? (state === 'ended' ? reason : null);
  const whole = WHOLE[wholeness] ?? null;
  useEffect(() => onState({ connection: state, status, whole, error: wrong }), [onState, state, status, whole, wrong]);
  return (
    <>
      <div className="bar">
        {run !== null && <Status status={run.status} />}
        <Badge connection={connection.state} ended={WHOLENESS_TEXT[wholeness]} />
        {wholeness === 'large' && (
          <button type="button" onClick={verify}>
            Verify the log
          </button>
        )}
      </div>
      {error !== null && (
        <p role="alert" className="callout bad">
          {error}
        </p>
      )}
      {(run !== null || error === null) && <LogView runId={runId} route={AT_END} startedAt={run?.startedAt ?? null} />}
    </>
  );
};
