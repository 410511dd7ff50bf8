/** What the API can do with runs. The implementation is in store.ts (reads) and runCommands.ts (changes). */
import type { Caller } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { Label, MarkedRun, RunDetail, RunDetails, RunSpec, RunStatus, RunSummary } from '../../domain/run.ts';
import { includesMarks, marksOf } from '../../wire/labelMarks.ts';

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
  /** Newest first. Fewer than asked for, even none, also where the scan ended at its bound before it found more. */
  readonly runs: readonly RunSummary[];
  /** Where to go on before and after the page; null where nothing was looked at. */
  readonly start: RunId | null;
  readonly end: RunId | null;
  /** Whether older runs match; true also where that can't be told within the scan's bound. Looks when it is called. */
  hasNext(): Promise<boolean>;
  /** Whether newer runs match, in the same way. */
  hasPrevious(): Promise<boolean>;
}

/** What one request may look at, over all its pages. It is over when nobody waits for the answer. */
export class Scan {
  readonly signal: AbortSignal;
  /** Runs that may still be looked at. */
  left: number = LIMITS.requestScan;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Runs `walk` when those before it are done: a request has one step at a time under way, whatever its aliases. */
  async inTurn<T>(walk: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(walk);
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }
}

/** Details of one run. */
export interface DetailsWanted {
  readonly id: RunId;
  readonly names: readonly RunDetail[];
}

/**
 * What run_updates tells; `before` is the status before the change, null for CREATED. GREW comes from growth.ts, at most
 * once a second per run: lines were written, and nothing else is known to have changed (`before` is its status).
 */
export interface RunUpdate {
  readonly runId: RunId;
  readonly kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'GREW';
  readonly before: RunStatus | null;
  readonly version: number;
}

export interface StartRequest {
  readonly spec: RunSpec;
  readonly idempotencyKey: string | null;
}

/** All of them throw Unavailable while Redis is away. */
export interface Runs {
  /** The signal gives it up. */
  get(id: RunId, signal?: AbortSignal): Promise<RunSummary | null>;
  /** In the order of the ids. */
  getMany(ids: readonly RunId[]): Promise<readonly (RunSummary | null)[]>;
  /** The same with what a RunMatcher looks at. */
  getMarked(ids: readonly RunId[]): Promise<readonly (MarkedRun | null)[]>;
  /** Stored bytes of each of the details, in the order of the runs and their names. Reads no detail. */
  detailBytes(wanted: readonly DetailsWanted[]): Promise<readonly (readonly number[])[]>;
  /** In the order of the runs; null for a run that is gone. `bytes` is what detailBytes said. */
  details(
    wanted: readonly DetailsWanted[],
    bytes: readonly (readonly number[])[],
    signal: AbortSignal,
  ): Promise<readonly (Partial<RunDetails> | null)[]>;
  /** @throws the scan's signal's reason; LimitExceeded where the scan's request has looked at too many runs */
  page(request: RunPageRequest, scan: Scan): Promise<RunPage>;
  /** @throws Conflict where the key was used with another input */
  start(request: StartRequest): Promise<RunSummary>;
  /** @throws NotFound. A run that has ended is returned unchanged. */
  cancel(id: RunId, reason: string | null, force: boolean): Promise<RunSummary>;
  /** @throws NotFound */
  retry(id: RunId): Promise<RunSummary>;
  /** @throws NotFound, or Conflict where it has not finished */
  delete(id: RunId): Promise<void>;
}

/** The runs as one caller has them. Cheap: transports call it for each request. */
export type RunsFor = (caller: Caller) => Runs;

/** Whether a run with this status and these labels matches. */
export type RunMatcher = (run: Pick<MarkedRun, 'status' | 'labelMarks'>) => boolean;

/** The filter as a function; null where everything matches. */
export const runMatcher = ({ status, labels }: RunFilter): RunMatcher | null => {
  const statuses = status?.length ? new Set(status) : null;
  const marks = marksOf(labels ?? []);
  if (statuses === null && marks === '') return null;
  return (run) => (statuses === null || statuses.has(run.status)) && includesMarks(run.labelMarks, marks);
};

/** Follows run_updates; one Redis subscription per process, closed with the last follower. */
export interface RunUpdates {
  /**
   * Calls `onUpdate` for each change from the moment on at which the promise resolves (Redis has
   * confirmed the subscription), and `onGap` when changes may have been missed (the connection to Redis
   * was lost and is back). The returned function ends it, at once. Waits while Redis is away, until the signal aborts.
   * @throws the signal's reason
   */
  follow(
    listener: {
      /** The only run that it is about; default: all. */
      readonly runId?: RunId;
      onUpdate(update: RunUpdate): void;
      onGap(): void;
    },
    signal?: AbortSignal,
  ): Promise<() => void>;
}
