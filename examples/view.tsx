/** The page that both examples show. It does not depend on a GraphQL client. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type FormEvent, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react';
import { whatIsMissing } from '../packages/client/src/proof.ts';
import type { FollowDetails, FollowState } from '../packages/client/src/resumable.ts';
import type { LogEvent, LogStore } from './logStore.ts';

export interface Following extends FollowDetails {
  readonly state: FollowState;
}
interface ViewProps {
  readonly runId: string;
  readonly log: LogStore;
  /** Null before the first run. */
  readonly following: Following | null;
  readonly error: string | null;
  start(command: string): void;
  cancel(): void;
}

const COMMAND =
  'for i in $(seq 20); do echo "line $i"; echo "::progress current=$i,total=20::Counting"; sleep 0.5; done';

export const View = ({ runId, log, following, error, start, cancel }: ViewProps) => {
  const [command, setCommand] = useState(COMMAND);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    start(command);
  };
  return (
    <main>
      <h1>runloom</h1>
      <form onSubmit={submit}>
        <input aria-label="Command" value={command} onChange={(event) => setCommand(event.target.value)} />
        <button type="submit">Start</button>
        <button type="button" onClick={cancel} disabled={following === null || following.state === 'ended'}>
          Cancel
        </button>
      </form>
      <header>
        <output>{following?.state ?? 'no run yet'}</output>
        {following !== null && following.tries > 0 && (
          <span>
            Try {following.tries}: {following.reason}
          </span>
        )}
        <Proof log={log} />
        <span role="alert">{error}</span>
      </header>
      <Log runId={runId} log={log} />
    </main>
  );
};

/** Height of every row in px: a fixed height, so that a million rows need no measuring. */
const ROW = 16;
/** Rows rendered beyond the visible ones, so that scrolling shows no gap. */
const OVERSCAN = 100;

const Log = ({ runId, log }: { readonly runId: string; readonly log: LogStore }) => {
  const { count, dropped, lastSeq } = useSyncExternalStore(log.subscribe, log.snapshot);
  const box = useRef<HTMLDivElement>(null);
  /** Whether to follow the end of the log; false once the reader scrolls up. */
  const atEnd = useRef(true);
  const droppedBefore = useRef(0);
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when events were added or removed
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (atEnd.current) element.scrollTop = element.scrollHeight;
    // When older rows are removed, the visible rows keep their place.
    else element.scrollTop -= (dropped - droppedBefore.current) * ROW;
    droppedBefore.current = dropped;
  }, [count, dropped]);
  const onScroll = (): void => {
    const element = box.current;
    if (element === null) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 2 * ROW;
  };
  return (
    <>
      <p>
        {count.toLocaleString('en')} events
        {dropped > 0 && (
          <>
            {` (${dropped.toLocaleString('en')} older ones were removed from this page; read `}
            <a href={`/runs/${runId}/log.txt`}>the whole log</a>)
          </>
        )}
      </p>
      <div className="log" ref={box} onScroll={onScroll}>
        <ol style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const event = log.at(index);
            return (
              event && (
                <li key={event.seq} style={{ top: start, height: ROW }}>
                  <b style={{ width: `${Math.max(4, String(lastSeq).length)}ch` }}>{event.seq}</b>
                  <Line event={event} />
                </li>
              )
            );
          })}
        </ol>
      </div>
    </>
  );
};

/** One case for each type of event. The set of types is closed; later versions add fields or use CustomEvent. */
const Line = ({ event }: { readonly event: LogEvent }) => {
  switch (event.__typename) {
    case 'LogLine':
      return <span className={`${event.stream} ${event.level}`}>{event.message}</span>;
    case 'ProgressUpdated':
      return <span className="note">{`${event.label ?? 'Progress'}: ${event.current} of ${event.total ?? '?'}`}</span>;
    case 'GroupStarted':
      return <span className="note">▸ {event.name}</span>;
    case 'GroupEnded':
      return <span className="note">◂ {event.name}</span>;
    case 'OutputProduced':
      return <span className="note">Output: {JSON.stringify(event.value)}</span>;
    case 'CustomEvent':
      return <span className="note">{`${event.name}: ${JSON.stringify(event.data)}`}</span>;
    case 'ContainerEvent':
      return <span className="note">{event.kind}</span>;
    case 'StatusChanged':
      return <span className="note">{event.status}</span>;
    case 'LinesDropped':
      return <span className="ERROR">{event.count} events were dropped</span>;
    case 'AttemptFinished':
      return <span className="note">Attempt {event.attempt} has ended</span>;
    case 'RunFinished':
      return <span className="note">{event.message}</span>;
  }
};

const Proof = ({ log }: { readonly log: LogStore }) => {
  const { dropped, isFinished } = useSyncExternalStore(log.subscribe, log.snapshot);
  const [said, say] = useState('');
  useEffect(() => {
    if (!isFinished) return say('');
    if (dropped > 0) return say('Not checked: this page no longer holds the beginning of the log.');
    void whatIsMissing(log.all()).then((missing) => say(missing ?? 'The log is complete.'));
  }, [log, dropped, isFinished]);
  return <span>{said}</span>;
};
