/** The rows that are loaded. */
import { memo } from 'react';
import type { DisplayRow } from '../line/displayRows.ts';
import type { Highlight } from '../line/highlight.ts';
import { firstSeq, type LogEvent, lineNumber } from '../line/logEvents.ts';
import { type GroupSummary, LogRow, StackRow } from '../line/logRow.tsx';
import type { LineRange, Route } from '../look/route.ts';
import type { TimeMode } from '../look/settings.ts';
import { useSurroundings } from '../look/surroundings.ts';
import type { FoldState } from './useFolds.ts';

interface LogRowsProps {
  readonly rows: readonly DisplayRow[];
  readonly times: TimeMode;
  readonly startedAt: string | null;
  readonly highlight: Highlight | null;
  readonly marked: LineRange | null;
  readonly folds: FoldState;
  readonly runId: string;
  readonly onMark: (seq: number, extend: boolean) => void;
}

/** By its line where it has one: the number that the reader sees. */
const placeOf = (runId: string, event: LogEvent): Partial<Route> => {
  const line = lineNumber(event);
  const range = { from: line ?? event.seq, to: line ?? event.seq };
  return line === null ? { runId, seqs: range } : { runId, lines: range };
};

export const LogRows = memo((props: LogRowsProps) => {
  const { rows, times, startedAt, highlight, marked, folds, runId, onMark } = props;
  const { href } = useSurroundings();
  const sinceOf = (previous: LogEvent | null): string | null => {
    if (times === 'start') return startedAt;
    return times === 'before' ? (previous?.timestamp ?? null) : null;
  };
  const groupOf = (event: LogEvent): GroupSummary | null =>
    event.__typename === 'GroupStarted' ? folds.groupOf(event.seq) : null;
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
            highlight={highlight}
            marked={marked !== null && row.event.seq >= marked.from && firstSeq(row.event) <= marked.to}
            open={folds.isOpen(row.event)}
            group={groupOf(row.event)}
            href={href(placeOf(runId, row.event))}
            onMark={onMark}
            onToggle={folds.toggle}
          />
        ),
      )}
    </div>
  );
});
LogRows.displayName = 'LogRows';
