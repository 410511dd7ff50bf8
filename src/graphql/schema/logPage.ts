/** Run.logs: pages of stored events. */

import { clipSource, type EventSource, sizeOf, sourcesOf } from '../../delivery/eventSource.ts';
import { NotFound, throwProblems } from '../../domain/errors.ts';
import { firstSeqOf, type Seq } from '../../domain/events.ts';
import { filterProblems, type LogFilter, logFilter } from '../../domain/filter.ts';
import type { RunId } from '../../domain/ids.ts';
import { between, notBoth, notNegative } from '../../domain/inputChecks.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { LogPage, LogReader } from '../../log/viewer.ts';
import type { LogBudget } from '../budget/logBudget.ts';
import { builder } from './builder.ts';
import { LogFilterInput } from './logFilter.ts';
import { RunEventRef } from './runEvent.ts';
import { Run } from './runType.ts';

const DEFAULT_PAGE = 100;
/** Bytes of one read, about, and its entries: few at first, then as many as their size allows. */
const READ_BYTES = 1024 * 1024;
const FIRST_ENTRIES = 2;
const MOST_ENTRIES = 64;

export interface EventPage {
  readonly events: readonly EventSource[];
  readonly startSeq: Seq | null;
  readonly endSeq: Seq | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

export interface PageRequest {
  readonly runId: RunId;
  readonly direction: 'forward' | 'backward';
  /** Events that come back at most. */
  readonly count: number;
  /** Both exclusive; `before` may lie beyond the end. */
  readonly after: Seq;
  readonly before: Seq;
  readonly filter: LogFilter | null;
}

/** Where the walk is: the range looked at so far, the events that passed, and what bounds it. */
interface Walk {
  events: EventSource[];
  /** Read backward, the end of the run that nobody asked for: it comes where it takes the place of nothing. */
  end: EventSource | null;
  startSeq: Seq | null;
  endSeq: Seq | null;
  looked: number;
  /** Of the events that passed, and of all that were looked at. */
  bytes: number;
  scanned: number;
  /** The run's newest seq at the last read. */
  lastSeq: Seq;
}

/**
 * Reads until `count` events passed, the window's end is reached, or enough was looked at; the page then
 * comes back short, and its startSeq and endSeq say how far it went.
 * @throws NotFound where the run was removed meanwhile
 */
export const readPage = async (reader: LogReader, request: PageRequest, budget: LogBudget): Promise<EventPage> => {
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
      : // Before seq 1 there is nothing; asked from 2 on, the reader tells where the log stands.
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
  return { events: walk.events, startSeq: walk.startSeq, endSeq: walk.endSeq, ...around(request, walk) };
};

/** Entries of the next read, as large as these are. */
const nextCount = (entries: LogPage['entries']): number => {
  const mean = entries.reduce((sum, { size }) => sum + size, 0) / Math.max(entries.length, 1);
  return Math.min(Math.max(Math.floor(READ_BYTES / Math.max(mean, 1)), 1), MOST_ENTRIES);
};

/** Takes the entry's events in the direction of the walk. Answers false where the walk is over. */
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
    // Something must be looked at, or whoever goes on from here never gets further.
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

/** Whether it is the end of the run, which passes a filter on lines without being asked for. */
const isUnasked = ({ event }: EventSource, filter: LogFilter | null): boolean =>
  event.kind === 'RunFinished' && filter !== null && !filter.selects(event);

/** Whether there are events beyond what was looked at, within the window or not. */
const around = (request: PageRequest, walk: Walk): { hasPrevious: boolean; hasNext: boolean } => {
  const { after, before, direction } = request;
  const { startSeq, endSeq, lastSeq } = walk;
  if (startSeq !== null && endSeq !== null) return { hasPrevious: startSeq > 1, hasNext: endSeq < lastSeq };
  if (direction === 'forward') return { hasPrevious: Math.min(after, lastSeq) > 0, hasNext: after < lastSeq };
  return { hasPrevious: Math.min(before, lastSeq + 1) > 1, hasNext: before <= lastSeq };
};

const RunEventPage = builder.objectRef<EventPage>('RunEventPage').implement({
  description: 'A page of stored events.',
  fields: (t) => ({
    events: t.field({ type: [RunEventRef], resolve: (page) => page.events, description: 'In seq order.' }),
    startSeq: t.exposeInt('startSeq', {
      nullable: true,
      description: `First seq looked at, filtered-out ones included (of a LinesDropped at the start: its fromSeq); null where
nothing was there. Read backward with before: startSeq.`,
    }),
    endSeq: t.exposeInt('endSeq', {
      nullable: true,
      description:
        'Last seq looked at, filtered-out ones included; null where nothing was there. Go on with after: endSeq.',
    }),
    hasPrevious: t.exposeBoolean('hasPrevious', {
      description: 'There are events before startSeq, whatever `after` was given.',
    }),
    hasNext: t.exposeBoolean('hasNext', {
      description: 'There are events after endSeq at the moment of reading, whatever `before` was given.',
    }),
  }),
});

builder.objectField(Run, 'logs', (t) =>
  t.field({
    type: RunEventPage,
    nullable: true,
    args: {
      first: t.arg.int({ description: 'So many events at most, reading forward; 5000 at most, default 100.' }),
      after: t.arg.int({ description: 'Events after this seq.' }),
      last: t.arg.int({ description: 'So many events at most, reading backward; not together with first.' }),
      before: t.arg.int({ description: 'Events before this seq.' }),
      filter: t.arg({ type: LogFilterInput, description: 'Which events; default: all.' }),
    },
    resolve: (run, { first, after, last, before, filter }, { reader, budget: { log } }) => {
      throwProblems([
        ...notBoth(first, last),
        ...between('first', first, 0, LIMITS.pageEvents),
        ...between('last', last, 0, LIMITS.pageEvents),
        ...notNegative('after', after, 'A seq'),
        ...notNegative('before', before, 'A seq'),
        ...filterProblems(filter, 'filter'),
      ]);
      const request: PageRequest = {
        runId: run.id,
        direction: last == null ? 'forward' : 'backward',
        count: last ?? first ?? DEFAULT_PAGE,
        after: after ?? 0,
        before: before ?? Number.MAX_SAFE_INTEGER,
        filter: logFilter(filter, 'filter'),
      };
      return log.inTurn(() => readPage(reader, request, log));
    },
    description: `A page of the run's events in seq order. first/after read forward (the default: first 100),
last/before backward. first and last are the most that comes back, 5000 at most; a filter
can make a page short or empty while hasNext is true: go on from endSeq. first together
with last is BAD_USER_INPUT. Pages of very long lines come back short too.`,
  }),
);
