/** One run, kept up to date by runUpdated. */
import type { Client } from 'urql';
import { FollowRunDocument, RunByIdDocument, type RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { createStore, type Store } from '../look/watchable.ts';

export interface RunSnapshot {
  readonly run: RunPartsFragment | null;
  /** What is wrong, for people; null: nothing. */
  readonly error: string | null;
}
export interface FollowedRun extends Disposable {
  readonly state: Store<RunSnapshot>;
}

const NOT_THERE = 'There is no such run. It may have been deleted, or removed after its retention time.';

export const followRun = (client: Client, runId: string): FollowedRun => {
  const state = createStore<RunSnapshot>({ run: null, error: null });
  // At once; the subscription needs a socket first.
  void client
    .query(RunByIdDocument, { runId })
    .toPromise()
    .then(({ data, error }) => {
      if (state.get().run !== null) return;
      if (error) state.set({ run: null, error: error.message });
      else state.set({ run: data?.run ?? null, error: data?.run ? null : NOT_THERE });
    });
  const subscription = client.subscription(FollowRunDocument, { runId }).subscribe(({ data, error }) => {
    const known = state.get();
    if (data?.runUpdated) state.set({ run: data.runUpdated, error: null });
    else if (error && known.run !== null) state.set({ ...known, error: error.message });
  });
  return { state, [Symbol.dispose]: () => subscription.unsubscribe() };
};
