/** Reads and follows the log of one run over the API. */
import type { Client } from 'urql';
import {
  FindInLogDocument,
  FollowLogDocument,
  type FollowLogSubscription,
  LogOverviewDocument,
  LogPageDocument,
} from '../../../schema/generated/graphql.ts';
import type { LogEvent, LogFilter, LogPageOf } from '../line/logEvents.ts';

export interface PagePosition {
  readonly first?: number;
  readonly after?: number;
  readonly last?: number;
  readonly before?: number;
}
export interface LogPart extends LogPageOf {
  /** The newest seq of the run when the page was read. */
  readonly lastSeq: number;
}
export type LogBatch = FollowLogSubscription['runLogBatches'];

export interface LogSource {
  /** @throws Error with a text for people */
  readonly page: (position: PagePosition, filter: LogFilter) => Promise<LogPart>;
  /** The seq of a line of log.txt, or of the first event at or after an instant; null: there is none. @throws Error */
  readonly place: (of: { readonly line: number } | { readonly time: string }) => Promise<number | null>;
  /** @throws Error */
  readonly firstError: () => Promise<number | null>;
  /** Returns what stops it. `onEnd` gets null after the end of the run, else what is wrong. */
  readonly follow: (
    after: number,
    filter: LogFilter,
    handlers: { readonly onBatch: (batch: LogBatch) => void; readonly onEnd: (error: string | null) => void },
  ) => () => void;
}

export const logSource = (client: Client, runId: string): LogSource => ({
  page: async (position, filter) => {
    const { data, error } = await client.query(LogPageDocument, { runId, ...position, filter }).toPromise();
    if (error) throw new Error(error.message);
    const run = data?.run;
    if (!run?.logs) throw new Error('There is no such run.');
    return { ...run.logs, lastSeq: run.lastSeq };
  },
  place: async (of) => {
    const { data, error } = await client.query(FindInLogDocument, { runId, ...of }).toPromise();
    if (error) throw new Error(error.message);
    return data?.run?.seqAt ?? null;
  },
  firstError: async () => {
    const { data, error } = await client.query(LogOverviewDocument, { runId, maxDepth: 1, buckets: 1 }).toPromise();
    if (error) throw new Error(error.message);
    return data?.run?.logStats.firstError ?? null;
  },
  follow: (after, filter, { onBatch, onEnd }) => {
    let over = false;
    const end = (error: string | null): void => {
      if (over) return;
      over = true;
      onEnd(error);
    };
    const subscription = client
      .subscription(FollowLogDocument, { runId, after, filter })
      .subscribe(({ data, error, hasNext }) => {
        if (data) onBatch(data.runLogBatches);
        if (error) end(error.message);
        else if (!hasNext || data?.runLogBatches.events.at(-1)?.__typename === 'RunFinished') end(null);
      });
    return () => {
      over = true;
      subscription.unsubscribe();
    };
  },
});

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
