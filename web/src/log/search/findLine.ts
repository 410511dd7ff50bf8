/** Searches by pages of the log. */
import type { LogEvent, LogFilter } from '../../line/logEvents.ts';
import type { LogSource } from '../window/logSource.ts';

/** Requests of one search by pages. Each looks at 20,000 events at most (LIMITS.pageScan). */
const MOST_REQUESTS = 500;

export interface FindOptions {
  readonly source: LogSource;
  /** Where the search begins; this seq itself is not found. */
  readonly from: number;
  readonly forward: boolean;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
}

/** The next LogLine that matches; null: there is none. @throws Error, or the signal's reason */
export const findLine = async ({ source, from, forward, filter, signal }: FindOptions): Promise<LogEvent | null> => {
  const lines: LogFilter = { ...filter, types: ['LogLine'] };
  let at = from;
  for (let request = 0; request < MOST_REQUESTS; request += 1) {
    const page = await source.page(forward ? { first: 1, after: at } : { last: 1, before: at }, lines);
    signal.throwIfAborted();
    const found = page.events.find(({ __typename }) => __typename === 'LogLine');
    if (found !== undefined) return found;
    const [edge, more] = forward ? [page.endSeq, page.hasNext] : [page.startSeq, page.hasPrevious];
    if (!more || edge === null) return null;
    at = edge;
  }
  throw new Error('The search was stopped: the log is too long for it.');
};
