/** Reads and follows the log of one run over the API. */
import type { Client } from 'urql';
import {
  FindInLogDocument,
  FollowLogDocument,
  type FollowLogSubscription,
  LogOverviewDocument,
  LogPageDocument,
} from '../../../../schema/generated/graphql.ts';
import type { LogFilter, LogPageOf } from '../../line/logEvents.ts';
import type { Overview } from './overview.ts';

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
  readonly overview: () => Promise<Overview>;
  /** Returns what stops it. `onEnd` gets null after the end of the run, else what is wrong. */
  readonly follow: (
    after: number,
    filter: LogFilter,
    handlers: { readonly onBatch: (batch: LogBatch) => void; readonly onEnd: (error: string | null) => void },
  ) => () => void;
}

/** Groups that the service keeps of a run, and marks of the scroll bar. */
const MOST_GROUPS = 2000;
const BUCKETS = 100;

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
  overview: async () => {
    const variables = { runId, groups: MOST_GROUPS, buckets: BUCKETS };
    const { data, error } = await client.query(LogOverviewDocument, variables).toPromise();
    if (!data?.run) throw new Error(error?.message ?? 'There is no such run.');
    const { status, attempt, logStats, outline, histogram } = data.run;
    return { status, attempt, stats: logStats, groups: outline, buckets: histogram };
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
