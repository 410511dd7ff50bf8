/** One run: what it is, and its log. */
import { ArrowLeft } from 'lucide-react';
import { useEffect } from 'react';
import { Badge } from '../connection/badge.tsx';
import type { Connection } from '../connection/connect.ts';
import { LogView } from '../log/logView.tsx';
import { Link } from '../look/link.tsx';
import { go, type Route } from '../look/route.ts';
import { RunButtons } from '../runs/runButtons.tsx';
import { Status } from '../runs/status.tsx';
import { Downloads } from './downloads.tsx';
import { Facts, Failure, Output, Progress } from './summary.tsx';
import { useRun } from './useRun.ts';
import { WHOLENESS_TEXT } from './wholeness.ts';

interface RunPageProps {
  readonly runId: string;
  readonly route: Route;
  readonly connection: Connection;
  readonly onStart: (like: string | null) => void;
}

export const RunPage = ({ runId, route, connection, onStart }: RunPageProps) => {
  const { run, error, wholeness, verify } = useRun(connection, runId);
  useEffect(() => {
    document.title = run === null ? 'Run · runloom' : `${run.name ?? run.command.join(' ')} · ${run.status} · runloom`;
  }, [run]);
  return (
    <main className="run">
      <div className="bar">
        <Link to={{}} className="back" title="All runs (r)">
          <ArrowLeft aria-hidden /> Runs
        </Link>
        {run !== null && <Status status={run.status} />}
        <h1 title={runId}>{run === null ? runId : (run.name ?? run.command.join(' '))}</h1>
        <Badge connection={connection.state} ended={WHOLENESS_TEXT[wholeness]} />
        {wholeness === 'large' && (
          <button type="button" onClick={verify}>
            Verify the log
          </button>
        )}
        {run !== null && (
          <>
            <Downloads runId={runId} connection={connection} />
            <RunButtons run={run} onDuplicate={({ id }) => onStart(id)} onDeleted={() => go({})} />
          </>
        )}
      </div>
      {error !== null && (
        <p role="alert" className="callout bad">
          {error} <Link to={{}}>All runs</Link>
        </p>
      )}
      {run !== null && (
        <>
          <Failure run={run} />
          <Facts run={run} />
          <Progress run={run} />
          <Output run={run} />
        </>
      )}
      {(run !== null || error === null) && (
        <LogView key={runId} runId={runId} route={route} startedAt={run?.startedAt ?? null} />
      )}
    </main>
  );
};
