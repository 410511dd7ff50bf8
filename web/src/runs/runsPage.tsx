/** The list of runs. */
import { Play } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useClient } from 'urql';
import type { RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { useKeys } from '../look/hotkeys.ts';
import { formatAgo, formatDateTime, formatDuration, formatNumber } from '../look/humanText.ts';
import { Link } from '../look/link.tsx';
import { useNow } from '../look/useNow.ts';
import { useSettled } from '../look/useSettled.ts';
import { useStore } from '../look/watchable.ts';
import { RunButtons } from './runButtons.tsx';
import { ALL_RUNS, RunsFilter } from './runsFilter.tsx';
import { followRuns, type RunsSnapshot } from './runsList.ts';
import { isOver, Status } from './status.tsx';

/** The list is read again when the reader has not typed for so long, ms. */
const PAUSE_MS = 300;

interface RunsPageProps {
  readonly onStart: (like: string | null) => void;
}

export const RunsPage = ({ onStart }: RunsPageProps) => {
  const client = useClient();
  const [choice, setChoice] = useState(ALL_RUNS);
  const field = useRef<HTMLInputElement>(null);
  const { status, labels } = choice;
  const text = useSettled(choice.text, PAUSE_MS);
  const list = useMemo(
    () => followRuns(client, { status, labels, ...(text === '' ? {} : { text }) }),
    [client, status, labels, text],
  );
  useEffect(() => () => list[Symbol.dispose](), [list]);
  const snapshot = useStore(list.state);
  const isFiltered = status.length > 0 || labels.length > 0 || choice.text !== '';
  useKeys([['/', () => field.current?.focus()]]);
  useEffect(() => {
    document.title = 'Runs · runloom';
  }, []);
  return (
    <main className="runs">
      <div className="bar">
        <h1>Runs</h1>
        <button type="button" className="primary" onClick={() => onStart(null)}>
          <Play aria-hidden /> Start a run
        </button>
      </div>
      <RunsFilter choice={choice} onChange={setChoice} field={field} />
      {snapshot.error !== null && (
        <p role="alert" className="callout bad">
          The list cannot be read: {snapshot.error}
        </p>
      )}
      {snapshot.runs.length > 0 ? (
        <RunTable runs={snapshot.runs} onStart={onStart} onDeleted={() => undefined} />
      ) : (
        <Nothing snapshot={snapshot} isFiltered={isFiltered} onStart={onStart} clear={() => setChoice(ALL_RUNS)} />
      )}
      {snapshot.hasMore && (
        <button type="button" className="wide" onClick={() => void list.more()}>
          Older runs
        </button>
      )}
    </main>
  );
};

interface NothingProps extends RunsPageProps {
  readonly snapshot: RunsSnapshot;
  readonly isFiltered: boolean;
  readonly clear: () => void;
}
const Nothing = ({ snapshot: { loading, error }, isFiltered, onStart, clear }: NothingProps) => {
  if (loading) return <p className="empty">Loading the runs …</p>;
  if (error !== null) return null;
  if (isFiltered) {
    return (
      <p className="empty">
        No run matches.{' '}
        <button type="button" onClick={clear}>
          Show all runs
        </button>
      </p>
    );
  }
  return (
    <p className="empty">
      There is no run yet.{' '}
      <button type="button" onClick={() => onStart(null)}>
        Start the first one
      </button>
    </p>
  );
};

interface RunTableProps extends RunsPageProps {
  readonly runs: readonly RunPartsFragment[];
  readonly onDeleted: (runId: string) => void;
}
const RunTable = ({ runs, onStart, onDeleted }: RunTableProps) => {
  const now = useNow();
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Run</th>
          <th scope="col">Started</th>
          <th scope="col">Duration</th>
          <th scope="col">Lines</th>
          <th scope="col">
            <span className="hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id}>
            <td>
              <Status status={run.status} />
            </td>
            <td className="what">
              <Link to={{ runId: run.id }}>{run.name ?? run.command.join(' ')}</Link>
              <span className="hint">{run.name === null ? run.image : run.command.join(' ')}</span>
              <span className="labels">
                {run.labels.map(({ name, value }) => (
                  <span key={name} className="label">
                    {name}={value}
                  </span>
                ))}
              </span>
              {run.failure && <span className="error">{run.failure.message}</span>}
            </td>
            <td>
              <time dateTime={run.createdAt} title={formatDateTime(run.createdAt)}>
                {formatAgo(run.createdAt, now)}
              </time>
            </td>
            <td>{durationOf(run, now)}</td>
            <td className="number">{formatNumber(run.lines)}</td>
            <td>
              <RunButtons small run={run} onDuplicate={({ id }) => onStart(id)} onDeleted={onDeleted} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

const durationOf = ({ status, startedAt, durationMs }: RunPartsFragment, now: number): string => {
  if (startedAt === null) return '';
  if (isOver(status)) return durationMs === null ? '' : formatDuration(durationMs);
  return formatDuration(Math.max(0, now - Date.parse(startedAt)));
};
