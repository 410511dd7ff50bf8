/**
 * Scrolling: rows keep their place on the screen when others are added above them or removed, the end is followed, and
 * pages are loaded before the reader reaches the edge of what is loaded.
 */
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { LogWindow } from './window/logWindow.ts';
import type { WindowSnapshot } from './window/windowSnapshot.ts';

/** How near to an edge the next page is loaded, in heights of the view. */
const NEAR = 2;
/** A reader is at the end within this distance, px. */
const AT_END = 24;

export interface View {
  /** First and last seq on the screen. */
  readonly from: number;
  readonly to: number;
}
interface Anchor {
  readonly seq: number;
  /** Distance of the row's top from the view's top, px. */
  readonly offset: number;
}
export interface Scroll {
  readonly view: View;
  /** Whether an event is on the screen, or will be: it was asked for with `show`. */
  readonly isAt: (seq: number) => boolean;
  readonly onScroll: () => void;
  /** Shows an event that is loaded, or will be: in the middle of the view. */
  readonly show: (seq: number) => void;
}

const rowsIn = (box: HTMLElement): readonly HTMLElement[] =>
  Array.from(box.querySelectorAll<HTMLElement>(':scope > .rows > [data-seq]'));
const seqOf = (row: HTMLElement | undefined): number => Number(row?.dataset.seq ?? 0);

/** Index of the first row whose end is below `y`, px from the top of the content. */
const indexAt = (rows: readonly HTMLElement[], y: number): number => {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && row.offsetTop + row.offsetHeight > y) high = middle;
    else low = middle + 1;
  }
  return Math.max(0, low);
};

/** Index of the row of an event, or of the last one before it. */
const indexOf = (rows: readonly HTMLElement[], seq: number): number => {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (seqOf(rows[middle]) <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
};

export const useScroll = (
  box: RefObject<HTMLDivElement | null>,
  log: LogWindow,
  snapshot: WindowSnapshot,
  rows: unknown,
): Scroll => {
  const anchor = useRef<Anchor | null>(null);
  const wanted = useRef<number | null>(null);
  /** The window has been read since an event was wanted: without it, its neighbour is shown. */
  const hasRead = useRef(false);
  /** Where the view was at the last look, px. */
  const lastTop = useRef(0);
  const [view, setView] = useState<View>({ from: 1, to: 1 });
  const onScreen = useRef(view);
  const { following, atStart, attached, loading } = snapshot;

  /** Notes what is on the screen. */
  const look = useCallback((): void => {
    const element = box.current;
    if (element === null) return;
    lastTop.current = element.scrollTop;
    const all = rowsIn(element);
    const top = indexAt(all, element.scrollTop);
    const bottom = indexAt(all, element.scrollTop + element.clientHeight - 1);
    const first = all[top];
    if (first === undefined) return;
    anchor.current = { seq: seqOf(first), offset: first.offsetTop - element.scrollTop };
    const [from, to] = [seqOf(first), seqOf(all[bottom])];
    onScreen.current = { from, to };
    setView((now) => (now.from === from && now.to === to ? now : { from, to }));
  }, [box]);

  const loadNear = useCallback((): void => {
    const element = box.current;
    if (element === null || loading !== null) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    // A followed log needs rows above only where they fill the view.
    const isNearTop = following ? scrollHeight <= clientHeight : scrollTop < NEAR * clientHeight;
    if (!atStart && isNearTop) void log.before();
    else if (!attached && scrollHeight - scrollTop - clientHeight < NEAR * clientHeight) void log.after();
  }, [box, log, atStart, attached, following, loading]);

  const onScroll = useCallback((): void => {
    const element = box.current;
    if (element === null) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= AT_END;
    // A view that became smaller is not at the end either; only the reader moves it up.
    if (following && !isAtEnd && element.scrollTop < lastTop.current - 1) log.follow(false);
    else if (following && !isAtEnd) element.scrollTop = element.scrollHeight;
    if (!following && isAtEnd && attached && wanted.current === null) log.follow(true);
    look();
    loadNear();
  }, [box, log, following, attached, look, loadNear]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the rows have changed
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const all = rowsIn(element);
    if (loading === 'all') hasRead.current = true;
    const target = wanted.current === null ? undefined : all[indexOf(all, wanted.current)];
    if (target !== undefined && loading === null && (hasRead.current || seqOf(target) === wanted.current)) {
      element.scrollTop = target.offsetTop - (element.clientHeight - target.offsetHeight) / 2;
      wanted.current = null;
    } else if (following) element.scrollTop = element.scrollHeight;
    else if (anchor.current !== null) {
      const row = all[indexOf(all, anchor.current.seq)];
      if (row !== undefined) element.scrollTop = row.offsetTop - anchor.current.offset;
    }
    look();
  }, [rows, following, loading]);
  useEffect(loadNear);
  // What stands above the log can appear later, and a window can be resized: the end stays the end.
  useEffect(() => {
    const element = box.current;
    if (element === null || !following) return;
    const observer = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [box, following]);

  const show = useCallback((seq: number): void => {
    wanted.current = seq;
    hasRead.current = false;
  }, []);
  const isAt = useCallback((seq: number): boolean => {
    const { from, to } = onScreen.current;
    return wanted.current === null ? seq >= from && seq <= to : wanted.current === seq;
  }, []);
  return { view, isAt, onScroll, show };
};
