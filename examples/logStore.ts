/**
 * The log of one run, kept outside React's state, so that appending a batch costs the same for a long log as for a short
 * one. Memory is bounded: beyond MAX_EVENTS or MAX_UNITS the oldest events are removed, and `dropped` counts them. The
 * service still has them, as `Run.logs` and as a download.
 */
import type { FollowLogSubscription } from '../schema/generated/graphql.ts';

export type LogEvent = FollowLogSubscription['runLogBatches']['events'][number];

/** Rows are 16 px high. Firefox lays out 17.8 million px at most, Chromium 33 million. */
const MAX_EVENTS = 1_048_576;
/** UTF-16 units of messages and fields, plus EVENT_UNITS for each event; at most about 500 MB of memory. */
const MAX_UNITS = 256 * 1024 * 1024;
const EVENT_UNITS = 100;
/** Events are removed in pieces of this size. */
const PIECE = 4096;
/** The shortest time between two updates of the page, in ms: the layout of a million rows takes about 10 ms. */
const TELL_MS = 100;

/** The data that the page shows; a new object for each change. */
export interface LogSnapshot {
  /** Events that are kept. */
  readonly count: number;
  /** Number of older events that were removed. */
  readonly dropped: number;
  readonly lastSeq: number;
  readonly isFinished: boolean;
}
export interface LogStore {
  readonly append: (events: readonly LogEvent[]) => void;
  /** The event of a row; row 0 is the oldest event that is kept. */
  readonly at: (row: number) => LogEvent | undefined;
  readonly all: () => readonly LogEvent[];
  // For useSyncExternalStore.
  readonly subscribe: (listener: () => void) => () => void;
  readonly snapshot: () => LogSnapshot;
}

interface Piece {
  readonly events: LogEvent[];
  units: number;
}

const unitsOf = (event: LogEvent): number =>
  event.__typename === 'LogLine'
    ? EVENT_UNITS + event.message.length + (event.fields ? JSON.stringify(event.fields).length : 0)
    : EVENT_UNITS;

export const createLogStore = (): LogStore => {
  const pieces: Piece[] = [];
  const listeners = new Set<() => void>();
  let units = 0;
  let count = 0;
  let dropped = 0;
  let last: LogEvent | undefined;
  let shown: LogSnapshot = { count, dropped, lastSeq: 0, isFinished: false };
  let isTelling = false;

  const tell = (): void => {
    isTelling = false;
    shown = { count, dropped, lastSeq: last?.seq ?? 0, isFinished: last?.__typename === 'RunFinished' };
    for (const listener of listeners) listener();
  };
  const dropOldest = (): void => {
    while (pieces.length > 1 && (count > MAX_EVENTS || units > MAX_UNITS)) {
      const gone = pieces.shift();
      count -= gone?.events.length ?? 0;
      dropped += gone?.events.length ?? 0;
      units -= gone?.units ?? 0;
    }
  };
  return {
    append: (events) => {
      for (const event of events) {
        let piece = pieces.at(-1);
        if (piece === undefined || piece.events.length === PIECE) {
          piece = { events: [], units: 0 };
          pieces.push(piece);
        }
        const size = unitsOf(event);
        piece.events.push(event);
        piece.units += size;
        units += size;
        count += 1;
        last = event;
      }
      dropOldest();
      if (!isTelling) setTimeout(tell, TELL_MS);
      isTelling = true;
    },
    // All pieces but the newest are full.
    at: (row) => pieces[Math.floor(row / PIECE)]?.events[row % PIECE],
    all: () => pieces.flatMap(({ events }) => events),
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => shown,
  };
};
