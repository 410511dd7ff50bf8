/** One row of the log. */
import { ChevronDown, ChevronRight } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { formatDateTime, formatDuration, formatNumber } from '../look/humanText.ts';
import type { TimeMode } from '../look/settings.ts';
import { plainText } from './ansiSpans.ts';
import { eventClass, eventText } from './eventText.tsx';
import type { Highlight } from './highlight.ts';
import { hasDetails, LineDetails } from './lineDetails.tsx';
import { LineText } from './lineText.tsx';
import { firstSeq, type LogEvent, lineNumber } from './logEvents.ts';
import { timeText } from './times.ts';

/** What is known of a group without reading it. */
export interface GroupSummary {
  /** null: it is still open. */
  readonly durationMs: number | null;
  readonly lines: number;
  readonly errors: number;
  readonly warnings: number;
  readonly canFold: boolean;
}

export interface LogRowProps {
  readonly event: LogEvent;
  readonly depth: number;
  /** What the time is counted from, in the modes that count. */
  readonly since: string | null;
  readonly times: TimeMode;
  readonly highlight: Highlight | null;
  readonly marked: boolean;
  /** Its details or its group are shown. */
  readonly open: boolean;
  readonly group: GroupSummary | null;
  readonly href: string;
  /** Called with the seq; `extend` marks a range up to here. */
  readonly onMark: (seq: number, extend: boolean) => void;
  readonly onToggle: (event: LogEvent) => void;
}

const sameProps = (a: LogRowProps, b: LogRowProps): boolean =>
  a.event === b.event &&
  a.depth === b.depth &&
  a.since === b.since &&
  a.times === b.times &&
  a.highlight === b.highlight &&
  a.marked === b.marked &&
  a.open === b.open &&
  a.group?.durationMs === b.group?.durationMs &&
  a.group?.canFold === b.group?.canFold &&
  a.group?.lines === b.group?.lines;

export const LogRow = memo((props: LogRowProps) => {
  const { event, depth, since, times, marked, href, onMark } = props;
  const seq = firstSeq(event);
  const number = lineNumber(event);
  return (
    <div className={`row ${eventClass(event)}${marked ? ' marked' : ''}`} data-seq={seq}>
      {/* biome-ignore lint/a11y/useAnchorContent: aria-label names it, and text would be copied with the lines */}
      <a
        className="number"
        href={href}
        tabIndex={-1}
        aria-label={number === null ? `Event ${seq}` : `Line ${number}`}
        title={`Event ${seq}`}
        data-number={number ?? ''}
        onClick={(click) => {
          if (click.metaKey || click.ctrlKey) return;
          click.preventDefault();
          onMark(seq, click.shiftKey);
        }}
      />
      {times !== 'off' && (
        <time
          dateTime={event.timestamp}
          title={formatDateTime(event.timestamp)}
          data-time={timeText(times, event.timestamp, since)}
        />
      )}
      <span className={`text depth-${Math.min(depth, 6)}`}>
        <Content {...props} />
      </span>
    </div>
  );
}, sameProps);
LogRow.displayName = 'LogRow';

const Content = ({ event, highlight, open, group, onToggle }: LogRowProps): ReactNode => {
  if (event.__typename === 'GroupStarted') return <GroupTitle {...{ event, open, group, onToggle }} />;
  if (event.__typename !== 'LogLine') return <LineText message={eventText(event)} highlight={null} />;
  const foldable = hasDetails(event);
  return (
    <>
      {foldable && (
        <button
          type="button"
          className="fold"
          aria-expanded={open}
          aria-label="Details"
          onClick={() => onToggle(event)}
        >
          {open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        </button>
      )}
      {event.level !== 'INFO' && <span className="level">{event.level} </span>}
      {event.logger !== null && <span className="hint">{event.logger}: </span>}
      <LineText message={event.message} seq={event.seq} highlight={highlight} />
      {event.truncated && <span className="cut"> (cut at the line limit)</span>}
      {foldable && open && <LineDetails line={event} />}
    </>
  );
};

const count = (number: number, noun: string): string => `${formatNumber(number)} ${noun}${number === 1 ? '' : 's'}`;

type GroupTitleProps = Pick<LogRowProps, 'event' | 'open' | 'group' | 'onToggle'>;
const GroupTitle = ({ event, open, group, onToggle }: GroupTitleProps) => {
  const name = plainText(eventText(event)) || 'Group';
  if (!group?.canFold) return <GroupFacts name={name} group={group} />;
  return (
    <button type="button" className="fold" aria-expanded={open} onClick={() => onToggle(event)}>
      {open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
      <GroupFacts name={name} group={group} />
    </button>
  );
};

const GroupFacts = ({ name, group }: { readonly name: string; readonly group: GroupSummary | null }) => {
  if (group === null) return name;
  const { durationMs, lines, errors, warnings } = group;
  const size = [durationMs === null ? 'running' : formatDuration(durationMs), count(lines, 'line')].join(' · ');
  return (
    <>
      {name}
      <span className="hint"> {size}</span>
      {errors > 0 && <span className="worst ERROR"> {count(errors, 'error')}</span>}
      {errors === 0 && warnings > 0 && <span className="worst WARNING"> {count(warnings, 'warning')}</span>}
    </>
  );
};

interface StackRowProps {
  readonly seq: number;
  readonly count: number;
  readonly open: boolean;
  readonly onToggle: (seq: number) => void;
}
export const StackRow = memo(({ seq, count, open, onToggle }: StackRowProps) => (
  <div className="row stack" data-seq={seq}>
    <span className="number" />
    <span className="text">
      <button type="button" className="fold" aria-expanded={open} onClick={() => onToggle(seq)}>
        {open ? <ChevronDown aria-hidden /> : <ChevronRight aria-hidden />}
        {formatNumber(count)} lines of the stack trace
      </button>
    </span>
  </div>
));
StackRow.displayName = 'StackRow';
