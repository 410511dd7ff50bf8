/** How both examples look; nothing here knows a GraphQL client. */
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { whatIsMissing } from '../client/proof.ts';
import type { FollowState } from '../client/resumable.ts';
import type { FollowLogSubscription } from '../schema/generated/graphql.ts';

export type LogEvent = FollowLogSubscription['runLogBatches']['events'][number];

interface ViewProps {
  readonly events: readonly LogEvent[];
  /** Null before the first run. */
  readonly state: FollowState | null;
  readonly error: string | null;
  start(command: string): void;
  cancel(): void;
}

const COMMAND =
  'for i in $(seq 20); do echo "line $i"; echo "::progress current=$i,total=20::Counting"; sleep 0.5; done';

export const View = ({ events, state, error, start, cancel }: ViewProps) => {
  const [command, setCommand] = useState(COMMAND);
  const end = useRef<HTMLLIElement>(null);
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' });
  });
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
        <button type="button" onClick={cancel} disabled={state === null || state === 'ended'}>
          Cancel
        </button>
      </form>
      <header>
        <output>{state ?? 'no run yet'}</output>
        <Proof events={events} />
        <span role="alert">{error}</span>
      </header>
      <ol>
        {events.map((event) => (
          <li key={event.seq}>
            <b>{event.seq}</b>
            <Line event={event} />
          </li>
        ))}
        <li ref={end} />
      </ol>
    </main>
  );
};

/** Every type has its words; one that is new to this page is shown by its name. */
const Line = ({ event }: { readonly event: LogEvent }) => {
  switch (event.__typename) {
    case 'LogLine':
      return <span className={`${event.stream} ${event.level}`}>{event.message}</span>;
    case 'ProgressUpdated':
      return <span className="note">{`${event.label ?? 'Progress'}: ${event.current} of ${event.total ?? '?'}`}</span>;
    case 'GroupStarted':
      return <span className="note">▸ {event.name}</span>;
    case 'StatusChanged':
      return <span className="note">{event.status}</span>;
    case 'LinesDropped':
      return <span className="ERROR">{event.count} events are no longer there</span>;
    case 'RunFinished':
      return <span className="note">{event.message}</span>;
    default:
      return <span className="note">{event.__typename}</span>;
  }
};

const Proof = ({ events }: { readonly events: readonly LogEvent[] }) => {
  const [said, say] = useState('');
  const finished = events.at(-1)?.__typename === 'RunFinished';
  useEffect(() => {
    if (!finished) return say('');
    void whatIsMissing(events).then((missing) => say(missing ?? 'Complete: nothing is missing.'));
  }, [events, finished]);
  return <span>{said}</span>;
};
