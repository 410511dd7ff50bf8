/** What the log shows: levels, streams, types of events, attempt, texts. */
import { ChevronDown, Filter, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { LogLevel, LogStream } from '../../../schema/generated/graphql.ts';
import type { LogFilter } from '../line/logEvents.ts';
import { formatNumber } from '../look/humanText.ts';
import { IconButton } from '../look/iconButton.tsx';
import type { Overview } from './window/overview.ts';

export interface LogFiltersProps {
  readonly filter: LogFilter;
  readonly onFilter: (filter: LogFilter) => void;
  readonly overview: Overview | null;
  /** Text of the search; null: it can't be a filter. */
  readonly find: string | null;
}

const LEVELS: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
const STREAMS: readonly LogStream[] = ['STDOUT', 'STDERR', 'LOGGER', 'SYSTEM'];
/** What a reader calls a type, and its types in the API. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  Lines: ['LogLine'],
  Groups: ['GroupStarted', 'GroupEnded'],
  Output: ['OutputProduced', 'CustomEvent'],
  'State of the run': ['StatusChanged', 'ContainerEvent', 'AttemptFinished', 'RunFinished'],
};

/** The filter without members that are undefined or empty. */
const withPart = (filter: LogFilter, part: Partial<LogFilter>): LogFilter =>
  Object.fromEntries(
    Object.entries({ ...filter, ...part }).filter(([, value]) => value !== undefined && value !== '' && value !== null),
  );
/** Without it where it is there, else with it; undefined instead of nothing. */
const toggled = <T,>(list: readonly T[] | null | undefined, values: readonly T[]): readonly T[] | undefined => {
  const has = values.every((value) => list?.includes(value));
  const next = has ? (list ?? []).filter((one) => !values.includes(one)) : [...(list ?? []), ...values];
  return next.length > 0 ? next : undefined;
};

interface MenuProps {
  readonly name: string;
  readonly chosen: number;
  readonly children: ReactNode;
}
/** One is open at a time; Escape closes it, and so does going elsewhere. */
const Menu = ({ name, chosen, children }: MenuProps) => (
  <details
    className="menu"
    name="log-filter"
    onKeyDown={(event) => {
      if (event.key !== 'Escape') return;
      event.currentTarget.open = false;
      event.currentTarget.querySelector('summary')?.focus();
    }}
    onBlur={(event) => {
      if (!event.currentTarget.contains(event.relatedTarget) && event.relatedTarget !== null)
        event.currentTarget.open = false;
    }}
  >
    <summary className={chosen > 0 ? 'button chosen' : 'button'}>
      {name}
      {chosen > 0 && ` (${chosen})`}
      <ChevronDown aria-hidden />
    </summary>
    <fieldset>
      <legend className="hidden">{name}</legend>
      {children}
    </fieldset>
  </details>
);

interface ChoiceProps {
  readonly name: string;
  readonly hint?: string;
  readonly checked: boolean;
  readonly onChange: () => void;
}
const Choice = ({ name, hint, checked, onChange }: ChoiceProps) => (
  <label className="check">
    <input type="checkbox" checked={checked} onChange={onChange} />
    {name}
    {hint !== undefined && <span className="hint">{hint}</span>}
  </label>
);

export const LogFilters = (props: LogFiltersProps) => {
  const { filter, onFilter, overview, find } = props;
  const { levels, streams, types, attempt, contains } = filter;
  const attempts = Array.from({ length: Math.max(overview?.attempt ?? 1, attempt ?? 1) }, (_, index) => index + 1);
  const put = (part: Partial<LogFilter>): void => onFilter(withPart(filter, part));
  const linesOf = (level: LogLevel): string =>
    formatNumber(overview?.stats.levels.find((one) => one.level === level)?.lines ?? 0);
  return (
    <>
      <Menu name="Level" chosen={levels?.length ?? 0}>
        {LEVELS.map((level) => (
          <Choice
            key={level}
            name={level.toLowerCase()}
            hint={linesOf(level)}
            checked={levels?.includes(level) === true}
            onChange={() => put({ levels: toggled(levels, [level]) })}
          />
        ))}
      </Menu>
      <Menu name="Stream" chosen={streams?.length ?? 0}>
        {STREAMS.map((stream) => (
          <Choice
            key={stream}
            name={stream.toLowerCase()}
            checked={streams?.includes(stream) === true}
            onChange={() => put({ streams: toggled(streams, [stream]) })}
          />
        ))}
      </Menu>
      <Menu name="Type" chosen={types === undefined ? 0 : 1}>
        {Object.entries(TYPES).map(([name, those]) => (
          <Choice
            key={name}
            name={name}
            checked={those.every((type) => types?.includes(type))}
            onChange={() => put({ types: toggled(types, those) })}
          />
        ))}
      </Menu>
      {attempts.length > 1 && (
        <select
          aria-label="Attempt"
          value={attempt ?? ''}
          onChange={({ target }) => put({ attempt: target.value === '' ? undefined : Number(target.value) })}
        >
          <option value="">All attempts</option>
          {attempts.map((number) => (
            <option key={number} value={number}>
              Attempt {number}
            </option>
          ))}
        </select>
      )}
      <Menu name="Text" chosen={[filter.exclude, filter.logger].filter(Boolean).length}>
        <TextChoice name="Hide lines with" value={filter.exclude} onChange={(exclude) => put({ exclude })} />
        <TextChoice name="Only this logger" value={filter.logger} onChange={(logger) => put({ logger })} />
      </Menu>
      <IconButton
        icon={Filter}
        name="Only lines that match"
        title="Only lines that match the search"
        pressed={contains != null}
        disabled={!find && contains == null}
        onClick={() => put({ contains: contains == null ? find : undefined })}
      />
      {Object.keys(filter).length > 0 && (
        <button type="button" onClick={() => onFilter({})}>
          <X aria-hidden /> Show all
        </button>
      )}
    </>
  );
};

interface TextChoiceProps {
  readonly name: string;
  readonly value: string | null | undefined;
  readonly onChange: (value: string) => void;
}
/** Applied when the field is left or with Enter: each change reads the log again. */
const TextChoice = ({ name, value, onChange }: TextChoiceProps) => (
  <label className="field">
    {name}
    <input
      type="search"
      key={value ?? ''}
      defaultValue={value ?? ''}
      onBlur={({ target }) => {
        if (target.value !== (value ?? '')) onChange(target.value);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur();
      }}
    />
  </label>
);
