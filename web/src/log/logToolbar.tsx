/** Search, filters, times and wrap above the log. */
import { ArrowDown, ArrowUp, CircleAlert, Filter, WrapText } from 'lucide-react';
import type { ReactNode, RefObject } from 'react';
import type { LogLevel, LogStream } from '../../../schema/generated/graphql.ts';
import type { LogFilter } from '../line/logEvents.ts';
import { TIME_NAMES } from '../line/times.ts';
import { after, change, settings, TIMES } from '../look/settings.ts';
import { useStore } from '../look/watchable.ts';

export interface LogToolbarProps {
  readonly filter: LogFilter;
  readonly onFilter: (filter: LogFilter) => void;
  readonly find: string;
  readonly onFind: (text: string) => void;
  /** What the search says: where it is, or that there is nothing. */
  readonly said: ReactNode;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly onHit: (forward: boolean) => void;
  readonly onError: (forward: boolean) => void;
}

const LEVELS: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
const STREAMS: readonly LogStream[] = ['STDOUT', 'STDERR', 'LOGGER', 'SYSTEM'];

/** The filter without members that are undefined. */
const withPart = (filter: LogFilter, part: Partial<LogFilter>): LogFilter =>
  Object.fromEntries(Object.entries({ ...filter, ...part }).filter(([, value]) => value !== undefined));

export const LogToolbar = (props: LogToolbarProps) => {
  const { find, onFind, said, field, onHit, onError } = props;
  const { wrap, times } = useStore(settings);
  return (
    <div className="toolbar" role="toolbar" aria-label="Log">
      <search>
        <input
          ref={field}
          type="search"
          aria-label="Search in the log"
          placeholder="Search (/)"
          value={find}
          onChange={(event) => onFind(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onHit(!event.shiftKey);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <button
          type="button"
          className="icon"
          aria-label="Previous hit"
          title="Previous hit (N)"
          onClick={() => onHit(false)}
        >
          <ArrowUp aria-hidden />
        </button>
        <button type="button" className="icon" aria-label="Next hit" title="Next hit (n)" onClick={() => onHit(true)}>
          <ArrowDown aria-hidden />
        </button>
        <output className="hint">{said}</output>
      </search>
      <button type="button" aria-label="Next error" title="Next error (e)" onClick={() => onError(true)}>
        <CircleAlert aria-hidden /> Error
      </button>
      <Filters {...props} />
      <button type="button" title="Times (t)" onClick={() => change({ times: after(TIMES, times) })}>
        {TIME_NAMES[times]}
      </button>
      <button
        type="button"
        className="icon"
        aria-label="Wrap lines"
        title="Wrap lines (w)"
        aria-pressed={wrap}
        onClick={() => change({ wrap: !wrap })}
      >
        <WrapText aria-hidden />
      </button>
    </div>
  );
};

const Filters = ({ filter, onFilter, find }: LogToolbarProps) => {
  const { minLevel, streams, types, attempt, contains } = filter;
  const value = (text: string): string | undefined => (text === '' ? undefined : text);
  return (
    <>
      <select
        aria-label="Level"
        value={minLevel ?? ''}
        onChange={({ target }) => onFilter(withPart(filter, { minLevel: value(target.value) as LogLevel | undefined }))}
      >
        <option value="">All levels</option>
        {LEVELS.slice(1).map((level) => (
          <option key={level} value={level}>
            {level.toLowerCase()} and above
          </option>
        ))}
      </select>
      <select
        aria-label="Stream"
        value={streams?.[0] ?? ''}
        onChange={({ target }) => {
          const stream = value(target.value) as LogStream | undefined;
          onFilter(withPart(filter, { streams: stream === undefined ? undefined : [stream] }));
        }}
      >
        <option value="">All streams</option>
        {STREAMS.map((stream) => (
          <option key={stream} value={stream}>
            {stream.toLowerCase()}
          </option>
        ))}
      </select>
      <select
        aria-label="Events"
        value={types?.[0] ?? ''}
        onChange={({ target }) =>
          onFilter(withPart(filter, { types: target.value === '' ? undefined : [target.value] }))
        }
      >
        <option value="">All events</option>
        <option value="LogLine">Lines only</option>
      </select>
      <input
        className="attempt"
        inputMode="numeric"
        aria-label="Attempt"
        placeholder="Attempt"
        defaultValue={attempt ?? ''}
        onChange={({ target }) => {
          const number = Number(target.value);
          onFilter(withPart(filter, { attempt: Number.isInteger(number) && number > 0 ? number : undefined }));
        }}
      />
      <button
        type="button"
        className="icon"
        aria-label="Only lines that match"
        title="Only lines that match the search"
        aria-pressed={contains !== undefined}
        disabled={find === '' && contains === undefined}
        onClick={() => onFilter(withPart(filter, { contains: contains === undefined ? find : undefined }))}
      >
        <Filter aria-hidden />
      </button>
    </>
  );
};
