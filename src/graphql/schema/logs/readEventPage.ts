/** Reads a page of a log: from stored entries to the events that pass a filter, within the budget of the request. */
import { clipSource, type EventSource, sizeOf, sourcesOf } from '../../../delivery/eventSource.ts';
import { NotFound } from '../../../domain/errors.ts';
import { firstSeqOf, type Seq } from '../../../domain/events.ts';
import type { LogFilter } from '../../../domain/filter.ts';
import type { RunId } from '../../../domain/ids.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { LogPage, LogReader } from '../../../log/viewer.ts';
import type { LogBudget } from '../../budget/logBudget.ts';

/** Approximate bytes of one read, and its entries: few at first, then as many as their size allows. */
const READ_BYTES = 1024 * 1024;
const FIRST_ENTRIES = 2;
const MOST_ENTRIES = 64;

export interface EventPage {
  readonly runId: RunId;
  readonly events: readonly EventSource[];
  readonly startSeq: Seq | null;
  readonly endSeq: Seq | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

export interface PageRequest {
  readonly runId: RunId;
  readonly direction: 'forward' | 'backward';
  /** Maximum number of events in the page. */
  readonly count: number;
  /** Both exclusive. `before` can be beyond the end of the log. */
  readonly after: Seq;
  readonly before: Seq;
  readonly filter: LogFilter | null;
}

/** State of one read: the range that was looked at, the events that passed the filter, and what was used of the budget. */
interface Walk {
  events: EventSource[];
  /** RunFinished that the filter did not select, read backward. It is added only if the page has room for it. */
  end: EventSource | null;
  startSeq: Seq | null;
  endSeq: Seq | null;
  looked: number;
  /** Bytes of the events that passed, and of all that were looked at. */
  bytes: number;
  scanned: number;
  /** The run's newest seq at the time of the last read. */
  lastSeq: Seq;
}

/**
 * Reads until `count` events passed the filter, the window ends, or the budget is used up. In the last case the page is
 * short, and startSeq and endSeq say how far it was read.
 * @throws NotFound if the run is removed meanwhile
 */
export const readEventPage = async (reader: LogReader, request: PageRequest, budget: LogBudget): Promise<EventPage> => {
  const walk: Walk = {
    events: [],
    end: null,
    startSeq: null,
    endSeq: null,
    looked: 0,
    bytes: 0,
    scanned: 0,
    lastSeq: 0,
  };
  const forward = request.direction === 'forward';
  let position = forward ? request.after : request.before;
  let count = FIRST_ENTRIES;
  for (let more = true; more; ) {
    const page: LogPage | null = forward
      ? await reader.forward(request.runId, position, count)
      : // There is nothing before seq 1. With 2 or more the reader returns the log's newest seq.
        await reader.backward(request.runId, Math.max(position, 2), count);
    if (page === null) throw new NotFound();
    walk.lastSeq = page.lastSeq;
    more = page.entries.length > 0;
    count = nextCount(page.entries);
    for (const entry of page.entries) {
      more = lookAt(entry, request, walk, budget);
      if (!more) break;
      await budget.goOn(walk.bytes);
    }
    const next = forward ? walk.endSeq : walk.startSeq;
    if (next === null || next === position || (!forward && next === 1)) more = false;
    else position = next;
  }
  budget.spend(walk.looked, walk.bytes, walk.scanned);
  if (walk.end !== null && walk.events.length < request.count) walk.events.push(walk.end);
  return {
    runId: request.runId,
    events: walk.events,
    startSeq: walk.startSeq,
    endSeq: walk.endSeq,
    ...around(request, walk),
  };
};

/** How many entries to read next, if they are as large as these. */
const nextCount = (entries: LogPage['entries']): number => {
  const mean = entries.reduce((sum, { size }) => sum + size, 0) / Math.max(entries.length, 1);
  return Math.min(Math.max(Math.floor(READ_BYTES / Math.max(mean, 1)), 1), MOST_ENTRIES);
};

/** Looks at the entry's events in the direction of reading. Returns false if the page is complete. */
const lookAt = (entry: LogPage['entries'][number], request: PageRequest, walk: Walk, budget: LogBudget): boolean => {
  const forward = request.direction === 'forward';
  const sources = sourcesOf(request.runId, entry);
  for (let i = 0; i < sources.length; i += 1) {
    const source = sources[forward ? i : sources.length - 1 - i];
    if (source === undefined) continue;
    const beyond = forward ? firstSeqOf(source.event) >= request.before : source.event.seq <= request.after;
    if (beyond) return false;
    const clipped = clipSource(source, request.after, request.before);
    if (clipped === null) continue;
    const passes = request.filter === null || request.filter.passes(clipped.event);
    const size = sizeOf(clipped.event);
    const full =
      walk.events.length >= request.count ||
      walk.looked >= Math.min(LIMITS.pageScan, budget.events) ||
      walk.bytes + size > budget.bytes ||
      walk.scanned + size > budget.scanned;
    // At least one event must be looked at, or a client that continues from here would never advance.
    if (full && (request.count === 0 || walk.looked > 0)) return false;
    walk.looked += 1;
    walk.scanned += size;
    if (passes && !forward && isUnasked(clipped, request.filter)) walk.end = clipped;
    else if (passes) {
      walk.events[forward ? 'push' : 'unshift'](clipped);
      walk.bytes += size;
    }
    walk.startSeq = forward ? (walk.startSeq ?? firstSeqOf(clipped.event)) : firstSeqOf(clipped.event);
    walk.endSeq = forward ? clipped.event.seq : (walk.endSeq ?? clipped.event.seq);
  }
  return true;
};

/** Whether it is RunFinished that passes a filter on lines without being selected by it. */
const isUnasked = ({ event }: EventSource, filter: LogFilter | null): boolean =>
  event.kind === 'RunFinished' && filter !== null && !filter.selects(event);

/** Whether there are events before and after the range that was looked at, in the window or not. */
const around = (request: PageRequest, walk: Walk): { hasPrevious: boolean; hasNext: boolean } => {
  const { after, before, direction } = request;
  const { startSeq, endSeq, lastSeq } = walk;
  if (startSeq !== null && endSeq !== null) return { hasPrevious: startSeq > 1, hasNext: endSeq < lastSeq };
  if (direction === 'forward') return { hasPrevious: Math.min(after, lastSeq) > 0, hasNext: after < lastSeq };
  return { hasPrevious: Math.min(before, lastSeq + 1) > 1, hasNext: before <= lastSeq };
};
