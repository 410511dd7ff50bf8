/** The rows that are loaded. */
import { memo } from 'react';
import { type DisplayRow, groupSummary } from '../line/displayRows.ts';
import { firstSeq, type LogEvent, lineNumber } from '../line/logEvents.ts';
import { LogRow, StackRow } from '../line/logRow.tsx';
import type { LineRange, Route } from '../look/route.ts';
import type { TimeMode } from '../look/settings.ts';
import { useSurroundings } from '../look/surroundings.ts';
import type { FoldState } from './useFolds.ts';

interface LogRowsProps {
  readonly rows: readonly DisplayRow[];
  readonly events: readonly LogEvent[];
  readonly times: TimeMode;
  readonly startedAt: string | null;
  readonly find: string;
  readonly marked: LineRange | null;
  readonly folds: FoldState;
  readonly runId: string;
  readonly onMark: (seq: number, extend: boolean) => void;
  readonly onToggle: (event: LogEvent) => void;
}

/** By its line where it has one: the number that the reader sees. */
const placeOf = (runId: string, event: LogEvent): Partial<Route> => {
  const line = lineNumber(event);
  const range = { from: line ?? event.seq, to: line ?? event.seq };
  return line === null ? { runId, seqs: range } : { runId, lines: range };
};

export const LogRows = memo((props: LogRowsProps) => {
  const { rows, events, times, startedAt, find, marked, folds, runId, onMark, onToggle } = props;
  const { href } = useSurroundings();
  const sinceOf = (previous: LogEvent | null): string | null => {
    if (times === 'start') return startedAt;
    return times === 'before' ? (previous?.timestamp ?? null) : null;
  };
  const isOpen = (event: LogEvent): boolean =>
    event.__typename === 'GroupStarted' ? !folds.groups.has(event.seq) : folds.details.has(event.seq);
  return (
    <div className="rows">
      {rows.map((row) =>
        row.kind === 'stack' ? (
          <StackRow key={`s${row.seq}`} seq={row.seq} count={row.count} open={row.open} onToggle={folds.toggleStack} />
        ) : (
          <LogRow
            key={row.event.seq}
            event={row.event}
            depth={row.depth}
            since={sinceOf(row.previous)}
            times={times}
            find={find}
            marked={marked !== null && row.event.seq >= marked.from && firstSeq(row.event) <= marked.to}
            open={isOpen(row.event)}
            group={row.event.__typename === 'GroupStarted' ? groupSummary(events, events.indexOf(row.event)) : null}
            href={href(placeOf(runId, row.event))}
            onMark={onMark}
            onToggle={onToggle}
          />
        ),
      )}
    </div>
  );
});
LogRows.displayName = 'LogRows';
