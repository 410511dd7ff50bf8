/** Searches of one run's log, by the service. */
import type { Client } from 'urql';
import {
  FollowSearchDocument,
  type FollowSearchSubscription,
  type LogQuery,
  SearchLogDocument,
  type SearchLogQueryVariables,
} from '../../../../schema/generated/graphql.ts';
import type { LogFilter } from '../../line/logEvents.ts';

export type { LogQuery };
export type SearchProgress = FollowSearchSubscription['runLogSearch'];
export type SearchHit = SearchProgress['hits'][number];

export interface SearchHandlers {
  readonly onProgress: (progress: SearchProgress) => void;
  /** null: it is over; else what is wrong. */
  readonly onEnd: (error: string | null) => void;
}
export interface SearchSource {
  /** Hits as they are found, at most LIMIT, then live ones. Returns what stops it. */
  readonly follow: (query: LogQuery, handlers: SearchHandlers) => () => void;
  /** The next hit after a seq, or the previous one before it; null: there is none. @throws Error, or the signal's reason */
  readonly next: (query: LogQuery, from: number, forward: boolean, signal: AbortSignal) => Promise<SearchHit | null>;
  /** Up to `first` hits after a seq. @throws Error */
  readonly page: (query: LogQuery, after: number, first: number) => Promise<readonly SearchHit[]>;
}

/** Hits of one search that are listed. Of more hits, the next and the previous one are still found. */
export const LIMIT = 1000;

/** What a search and a filter have in common: hits are among the lines that are shown. */
export const queryOf = (
  { levels, minLevel, streams, logger, attempt, exclude }: LogFilter,
  part: LogQuery,
): LogQuery => ({
  ...Object.fromEntries(
    Object.entries({ levels, minLevel, streams, logger, attempt, exclude }).filter(([, value]) => value != null),
  ),
  ...part,
});

export const searchSource = (client: Client, runId: string): SearchSource => {
  const search = async (variables: Omit<SearchLogQueryVariables, 'runId'>) => {
    const { data, error } = await client.query(SearchLogDocument, { runId, ...variables }).toPromise();
    if (!data?.run?.search) throw new Error(error?.message ?? 'There is no such run.');
    return data.run.search;
  };
  return {
    follow: (query, { onProgress, onEnd }) => {
      const subscription = client
        .subscription(FollowSearchDocument, { runId, query, limit: LIMIT, live: true })
        .subscribe(({ data, error, hasNext }) => {
          if (error) onEnd(error.message);
          else if (!hasNext) onEnd(null);
          else if (data) onProgress(data.runLogSearch);
        });
      return () => subscription.unsubscribe();
    },
    next: async (query, from, forward, signal) => {
      // A request searches for some seconds at most.
      for (let at = from; ; ) {
        const page = await search(forward ? { query, first: 1, after: at } : { query, last: 1, before: at });
        signal.throwIfAborted();
        const hit = page.hits[0];
        if (hit !== undefined || page.done) return hit ?? null;
        at = page.scannedTo;
      }
    },
    page: async (query, after, first) => (await search({ query, first, after })).hits,
  };
};
