/** The log of a run, of any length: it opens at its end, follows, scrolls anywhere, folds, filters, finds. */
import { ArrowDownToLine } from 'lucide-react';
import { useCallback, useId, useMemo, useRef, useState } from 'react';
import { displayRows } from '../line/displayRows.ts';
import type { LogEvent, LogFilter } from '../line/logEvents.ts';
import { useKeys } from '../look/hotkeys.ts';
import { formatNumber } from '../look/humanText.ts';
import type { LineRange, Route } from '../look/route.ts';
import { settings } from '../look/settings.ts';
import { useSurroundings } from '../look/surroundings.ts';
import { useStore } from '../look/watchable.ts';
import { Announcer } from './announcer.tsx';
import { LogRows } from './logRows.tsx';
import { LogToolbar } from './logToolbar.tsx';
import { ScrollBar } from './scrollBar.tsx';
import { useFind } from './useFind.ts';
import { useFolds } from './useFolds.ts';
import { useLogWindow } from './useLogWindow.ts';
import { useScroll } from './useScroll.ts';

interface LogViewProps {
  readonly runId: string;
  readonly route: Route;
  /** Start of the run, for times that count from it. */
  readonly startedAt: string | null;
}

export const LogView = ({ runId, route, startedAt }: LogViewProps) => {
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const surroundings = useSurroundings();
  const { wrap, times, announce } = useStore(settings);
  const [marked, setMarked] = useState<LineRange | null>(route.seqs);
  const [filter, setFilter] = useState<LogFilter>({});
  const showRef = useRef<(seq: number) => void>(() => undefined);
  const onPlace = useCallback((seqs: LineRange): void => {
    showRef.current(seqs.from);
    setMarked(seqs);
  }, []);
  const { source, log, snapshot } = useLogWindow(runId, route, onPlace);
  const folds = useFolds();
  const rows = useMemo(() => displayRows(snapshot.rows, folds), [snapshot.rows, folds]);
  const { view, onScroll, show } = useScroll(box, log, snapshot, rows);
  showRef.current = show;

  /** Shows an event, wherever it is. */
  const seek = useCallback(
    (seq: number): void => {
      show(seq);
      void log.openAt(seq);
    },
    [log, show],
  );
  const mark = useCallback(
    (seq: number, extend: boolean): void => {
      setMarked((now) => {
        const range =
          extend && now !== null
            ? { from: Math.min(now.from, seq), to: Math.max(now.to, seq) }
            : { from: seq, to: seq };
        surroundings.mark(log.addressOf(runId, range));
        return range;
      });
    },
    [log, runId, surroundings],
  );
  const onFound = useCallback(
    (seq: number): void => {
      setMarked({ from: seq, to: seq });
      seek(seq);
    },
    [seek],
  );
  /** A search goes on from the marked event while it is in view, else from the view. */
  const searchFrom = useCallback(
    (forward: boolean): number => {
      const inView = marked !== null && marked.from >= view.from && marked.from <= view.to;
      if (inView) return marked.from;
      return forward ? Math.max(0, view.from - 1) : view.to + 1;
    },
    [marked, view],
  );
  const find = useFind({ source, filter, from: searchFrom, onFound });
  const changeFilter = (next: LogFilter): void => {
    setFilter(next);
    const keep = snapshot.following ? null : view.from;
    if (keep !== null) show(keep);
    void log.setFilter(next, keep);
  };
  const scrollRows = (count: number): void => box.current?.scrollBy({ top: count * 20 });
  useKeys([
    ['/', () => field.current?.focus()],
    ['n', () => find.hit(true)],
    ['N', () => find.hit(false)],
    ['e', () => find.error(true)],
    ['E', () => find.error(false)],
    ['g', () => seek(1)],
    ['G', () => void log.openEnd()],
    ['f', () => (snapshot.following ? log.follow(false) : void log.openEnd())],
    ['j', () => scrollRows(1)],
    ['k', () => scrollRows(-1)],
    [
      'c',
      () =>
        void navigator.clipboard?.writeText(
          new URL(surroundings.href({ runId, ...(marked && log.addressOf(runId, marked)) }), location.href).href,
        ),
    ],
  ]);
  const digits = String(Math.max(snapshot.lastSeq, view.to)).length;
  const onToggle = useCallback((event: LogEvent): void => folds.toggle(event), [folds.toggle]);
  return (
    <section className="logview" aria-label="Log">
      <LogToolbar
        filter={filter}
        onFilter={changeFilter}
        find={find.text}
        onFind={find.setText}
        said={find.said}
        field={field}
        onHit={find.hit}
        onError={find.error}
      />
      <div className="logframe">
        <div
          ref={box}
          id={id}
          className={`log${wrap ? ' wrap' : ''}`}
          data-digits={Math.max(4, digits)}
          role="log"
          aria-live="off"
          aria-label="Lines"
          aria-busy={snapshot.loading !== null}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must take the focus (WCAG 2.1.1)
          tabIndex={0}
          onScroll={onScroll}
        >
          <LogRows
            rows={rows}
            events={snapshot.rows}
            times={times}
            startedAt={startedAt}
            find={find.text}
            marked={marked}
            folds={folds}
            runId={runId}
            onMark={mark}
            onToggle={onToggle}
          />
          <Emptiness loading={snapshot.loading !== null} isEmpty={rows.length === 0} filter={filter} />
        </div>
        <ScrollBar
          from={view.from}
          to={view.to}
          last={Math.max(snapshot.lastSeq, snapshot.toSeq)}
          marks={find.marks}
          controls={id}
          onSeek={seek}
        />
        {!snapshot.following && (
          <button type="button" className="tofollow" onClick={() => void log.openEnd()}>
            <ArrowDownToLine aria-hidden />
            {snapshot.fresh > 0 ? `${formatNumber(snapshot.fresh)} new lines` : 'To the end'}
          </button>
        )}
      </div>
      {snapshot.error !== null && (
        <p role="alert" className="callout bad">
          The log cannot be read: {snapshot.error}{' '}
          <button type="button" onClick={() => void log.openEnd()}>
            Try again
          </button>
        </p>
      )}
      <Announcer
        rows={snapshot.rows}
        lastSeq={snapshot.lastSeq}
        on={announce && snapshot.following}
        ended={snapshot.ended}
      />
    </section>
  );
};

interface EmptinessProps {
  readonly loading: boolean;
  readonly isEmpty: boolean;
  readonly filter: LogFilter;
}
const Emptiness = ({ loading, isEmpty, filter }: EmptinessProps) => {
  if (!isEmpty) return null;
  if (loading) return <p className="empty">Loading …</p>;
  return (
    <p className="empty">{Object.keys(filter).length > 0 ? 'No line matches the filter here.' : 'No output yet.'}</p>
  );
};
