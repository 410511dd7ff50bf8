/** Where the reader is in the log, what is marked, and where to go. */
import { type RefObject, useCallback, useRef, useState } from 'react';
import { type LogFilter, lineNumber } from '../line/logEvents.ts';
import type { LineRange, Route } from '../look/route.ts';
import { useSurroundings } from '../look/surroundings.ts';
import { type Search, useSearch } from './search/useSearch.ts';
import { type FoldState, useFolds } from './useFolds.ts';
import { type Scroll, useScroll } from './useScroll.ts';
import { type OpenLog, useLogWindow } from './window/useLogWindow.ts';
import type { WindowSnapshot } from './window/windowSnapshot.ts';

export interface LogReader extends OpenLog {
  readonly folds: FoldState;
  readonly scroll: Scroll;
  readonly search: Search;
  readonly filter: LogFilter;
  readonly setFilter: (filter: LogFilter) => void;
  readonly marked: LineRange | null;
  readonly mark: (seq: number, extend: boolean) => void;
  /** Shows an event, wherever it is. */
  readonly seek: (seq: number) => void;
  readonly foldAll: (fold: boolean) => void;
  /** The address of what is marked, or of the run. */
  readonly address: () => Partial<Route>;
}

/** By lines where both ends are lines that are loaded. */
const addressOfRange = (runId: string, { rows }: WindowSnapshot, seqs: LineRange): Partial<Route> => {
  const [from, to] = [seqs.from, seqs.to].map((seq) => {
    const event = rows.find((one) => one.seq === seq);
    return event === undefined ? null : lineNumber(event);
  });
  return from != null && to != null ? { runId, lines: { from, to } } : { runId, seqs };
};

export const useLogReader = (runId: string, route: Route, box: RefObject<HTMLDivElement | null>): LogReader => {
  const surroundings = useSurroundings();
  const [marked, setMarked] = useState<LineRange | null>(route.seqs);
  /** As `marked`, before the page is rendered with it: keys can come faster. */
  const markedNow = useRef(marked);
  const putMark = useCallback((range: LineRange): void => {
    markedNow.current = range;
    setMarked(range);
  }, []);
  const [filter, setFilter] = useState<LogFilter>({});
  const showRef = useRef<(seq: number) => void>(() => undefined);
  const onPlace = useCallback(
    (seqs: LineRange): void => {
      showRef.current(seqs.from);
      putMark(seqs);
    },
    [putMark],
  );
  const open = useLogWindow(runId, route, onPlace);
  const { log, snapshot } = open;
  const latest = useRef(snapshot);
  latest.current = snapshot;
  const folds = useFolds(open, marked?.from ?? 0, Object.keys(filter).length > 0);
  const scroll = useScroll(box, log, snapshot, folds.rows);
  const { view, isAt, show } = scroll;
  showRef.current = show;

  const seek = useCallback(
    (seq: number): void => {
      show(seq);
      void log.openAt(seq);
    },
    [log, show],
  );
  const mark = useCallback(
    (seq: number, extend: boolean): void => {
      const { from, to } = (extend ? markedNow.current : null) ?? { from: seq, to: seq };
      const range = { from: Math.min(from, seq), to: Math.max(to, seq) };
      putMark(range);
      surroundings.mark(addressOfRange(runId, latest.current, range));
    },
    [runId, surroundings, putMark],
  );
  const onFound = useCallback(
    (seq: number): void => {
      putMark({ from: seq, to: seq });
      show(seq);
      void log.reveal(seq);
    },
    [log, show, putMark],
  );
  /** A search goes on from the marked event while it is in view, else from the view. */
  const searchFrom = useCallback(
    (forward: boolean): number => {
      const at = markedNow.current?.from;
      if (at !== undefined && isAt(at)) return at;
      return forward ? Math.max(0, view.from - 1) : view.to + 1;
    },
    [isAt, view],
  );
  const search = useSearch({
    runId,
    filter,
    from: searchFrom,
    onFound,
    lastSeq: snapshot.lastSeq,
    loadedFrom: snapshot.fromSeq,
  });
  /** What stays in view when the log is read again; null: the end. */
  const keep = (): number | null => {
    if (snapshot.following) return null;
    show(view.from);
    return view.from;
  };
  return {
    ...open,
    folds,
    scroll,
    search,
    filter,
    setFilter: (next) => {
      setFilter(next);
      void log.setFilter(next, keep());
    },
    marked,
    mark,
    seek,
    foldAll: (fold) => void log.foldAll(fold ? 'closed' : 'open', keep()),
    address: () => (marked === null ? { runId } : addressOfRange(runId, snapshot, marked)),
  };
};
