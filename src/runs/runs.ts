/** What the API can do with runs. The implementation is in store.ts (reads) and commands.ts (changes). */
import type { RunId } from '../domain/ids.ts';
import type { Label, RunRecord, RunSpec, RunStatus } from '../domain/run.ts';

export interface RunFilter {
  /** Any of them; undefined or empty: every status. */
  readonly status?: readonly RunStatus[];
  /** All of them. */
  readonly labels?: readonly Label[];
}

export interface RunPageRequest {
  /** `first` walks from the newest to older ones, `last` from the other end; exactly one is set, 1 to 500. */
  readonly first?: number;
  readonly last?: number;
  /** Runs older than this one (after) or newer (before), both exclusive. */
  readonly after?: RunId;
  readonly before?: RunId;
  readonly filter: RunFilter;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunRecord[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** What run_updates tells. `before` is the status before the change, null for CREATED. */
export interface RunUpdate {
  readonly runId: RunId;
  readonly kind: 'CREATED' | 'UPDATED' | 'DELETED';
  readonly before: RunStatus | null;
  readonly version: number;
}

export interface StartRequest {
  readonly spec: RunSpec;
  readonly idempotencyKey: string | null;
}

/** All of them throw Unavailable while Redis is away. */
export interface Runs {
  get(id: RunId): Promise<RunRecord | null>;
  /** In the order of the ids. */
  getMany(ids: readonly RunId[]): Promise<readonly (RunRecord | null)[]>;
  page(request: RunPageRequest): Promise<RunPage>;
  /** @throws Conflict where the key was used with another input */
  start(request: StartRequest): Promise<RunRecord>;
  /** @throws NotFound. A run that has ended is returned unchanged. */
  cancel(id: RunId, reason: string | null, force: boolean): Promise<RunRecord>;
  /** @throws NotFound */
  retry(id: RunId): Promise<RunRecord>;
  /** @throws NotFound, or Conflict where it has not finished */
  delete(id: RunId): Promise<void>;
}

/** Whether a run with this status and these labels matches. */
export const matchesFilter = (
  run: { readonly status: RunStatus; readonly labels: readonly Label[] },
  filter: RunFilter,
): boolean =>
  (!filter.status?.length || filter.status.includes(run.status)) &&
  (filter.labels ?? []).every((wanted) =>
    run.labels.some((label) => label.name === wanted.name && label.value === wanted.value),
  );

/** Follows run_updates; one Redis subscription per process, closed with the last follower. */
export interface RunUpdates {
  /**
   * Calls `onUpdate` for each change from the moment on at which the promise resolves (Redis has
   * confirmed the subscription), and `onGap` when changes may have been missed (the connection to Redis
   * was lost and is back). The returned function ends it, at once.
   */
  follow(listener: { onUpdate(update: RunUpdate): void; onGap(): void }): Promise<() => void>;
}
