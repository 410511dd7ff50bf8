/** The list of runs, kept up to date by runsUpdated. */
import type { Client } from 'urql';
import {
  FollowRunsDocument,
  type FollowRunsSubscription,
  type RunFilter,
  type RunPartsFragment,
  RunsDocument,
} from '../../../schema/generated/graphql.ts';
import { createStore, type Store } from '../look/watchable.ts';

export interface RunsSnapshot {
  /** Newest first. */
  readonly runs: readonly RunPartsFragment[];
  readonly hasMore: boolean;
  readonly loading: boolean;
  readonly error: string | null;
}
export interface RunsList extends Disposable {
  readonly state: Store<RunsSnapshot>;
  readonly more: () => Promise<void>;
  /** Takes a run that a mutation returned, before runsUpdated tells it. */
  readonly put: (run: RunPartsFragment) => void;
}

const PAGE = 50;
type Change = FollowRunsSubscription['runsUpdated'];

/** Puts a run where it belongs: ids are UUIDs of version 7, so newer ids sort later. */
export const withRun = ({ runs, ...rest }: RunsSnapshot, run: RunPartsFragment): RunsSnapshot => {
  const at = runs.findIndex(({ id }) => id <= run.id);
  if (runs[at]?.id === run.id) return { ...rest, runs: runs.with(at, run) };
  // It belongs to a page that is not loaded yet.
  if (at < 0 && rest.hasMore) return { ...rest, runs };
  return { ...rest, runs: runs.toSpliced(at < 0 ? runs.length : at, 0, run) };
};
export const withoutRun = (snapshot: RunsSnapshot, runId: string): RunsSnapshot => ({
  ...snapshot,
  runs: snapshot.runs.filter(({ id }) => id !== runId),
});

export const followRuns = (client: Client, filter: RunFilter): RunsList => {
  const state = createStore<RunsSnapshot>({ runs: [], hasMore: false, loading: true, error: null });
  let cursor: string | null = null;
  /** Changes that arrive while the list is read. */
  let waiting: Change[] | null = null;

  const apply = ({ kind, runId, run }: Change): void => {
    const now = state.get();
    if (kind === 'LEFT' || kind === 'DELETED') state.set(withoutRun(now, runId ?? ''));
    else if (run) state.set(withRun(now, run));
  };
  const page = async (after: string | null) => {
    const { data, error } = await client.query(RunsDocument, { first: PAGE, after, filter }).toPromise();
    if (error || !data?.runs) throw new Error(error?.message ?? 'The service sent no list.');
    cursor = data.runs.pageInfo.endCursor;
    return { runs: data.runs.edges.map(({ node }) => node), hasMore: data.runs.pageInfo.hasNextPage };
  };
  const fail = (error: unknown): void =>
    state.set({ ...state.get(), loading: false, error: error instanceof Error ? error.message : String(error) });
  const read = async (): Promise<void> => {
    waiting = [];
    try {
      state.set({ ...(await page(null)), loading: false, error: null });
    } catch (error) {
      fail(error);
    }
    const changes = waiting;
    waiting = null;
    changes.forEach(apply);
  };
  const subscription = client.subscription(FollowRunsDocument, { filter }).subscribe(({ data, error }) => {
    if (error) fail(new Error(error.message));
    const change = data?.runsUpdated;
    if (change === undefined) return;
    if (change.kind === 'SYNCED') void read();
    else if (waiting === null) apply(change);
    else waiting.push(change);
  });
  return {
    state,
    put: (run) => state.set(withRun(state.get(), run)),
    more: async () => {
      try {
        const next = await page(cursor);
        const known = state.get().runs;
        const last = known.at(-1)?.id ?? '\uffff';
        state.set({
          ...state.get(),
          runs: [...known, ...next.runs.filter(({ id }) => id < last)],
          hasMore: next.hasMore,
        });
      } catch (error) {
        fail(error);
      }
    },
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
};
