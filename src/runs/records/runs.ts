/** What the API can do with runs (implemented by src/runs/api/runCommands.ts), and pages and updates of runs. */
import type { Caller } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { RunDetail, RunDetails, RunSpec, RunStatus, RunSummary } from '../../domain/run.ts';
import type { RunFacts, RunFilter, RunMatcher } from './runFilter.ts';

/** A run with what a filter compares. */
export type MarkedRun = RunSummary & RunFacts;

export interface RunPageRequest {
  /** `first` begins with the newest run, `last` with the oldest. Exactly one is set, 1 to 500. */
  readonly first?: number;
  readonly last?: number;
  /** Only runs older than `after` and newer than `before`, both exclusive. */
  readonly after?: RunId;
  readonly before?: RunId;
  readonly filter: RunFilter;
}

export interface RunPage {
  /** Newest first. Fewer than asked for, or none, also where the scan reached its limit before it found more. */
  readonly runs: readonly RunSummary[];
  /** Cursors for the pages before and after; null where nothing was looked at. */
  readonly start: RunId | null;
  readonly end: RunId | null;
  /** Whether older runs match; also true where the scan's limit is reached first. Reads when it is called. */
  hasNext(): Promise<boolean>;
  /** The same for newer runs. */
  hasPrevious(): Promise<boolean>;
}

/** The limit of what one request can look at, over all its pages. `signal` aborts when its client has left. */
export class Scan {
  readonly signal: AbortSignal;
  /** Number of runs that can still be looked at, and stored bytes of their large members. */
  left: number = LIMITS.requestScan;
  bytesLeft: number = LIMITS.requestFilterBytes;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Calls `walk` when the earlier ones are done: a request has one walk under way, whatever its aliases. */
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
 * A message of run_updates. `before`: the status before the change; null for CREATED. GREW comes from growth.ts, at most
 * once a second per run: the log has more lines, and no other change is known (`before` is the present status).
 */
export interface RunUpdate {
  readonly runId: RunId;
  readonly tenant: string;
  readonly kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'GREW';
  readonly before: RunStatus | null;
  readonly version: number;
}

export interface StartRequest {
  readonly spec: RunSpec;
  readonly idempotencyKey: string | null;
}

/** Called before a new run is created, and not for one that exists. What it throws, the call throws. */
export type AdmitStart = () => Promise<void>;

/** Every call throws Unavailable while Redis is away. Calls can run concurrently. */
export interface Runs {
  /** Null where there is no such run. @throws the signal's reason too */
  get(id: RunId, signal?: AbortSignal): Promise<RunSummary | null>;
  /** In the order of the ids. */
  getMany(ids: readonly RunId[]): Promise<readonly (RunSummary | null)[]>;
  /** The same, with what the matcher compares. Default: without large members. */
  getMarked(ids: readonly RunId[], matcher?: RunMatcher | null): Promise<readonly (MarkedRun | null)[]>;
  /** Stored bytes of each detail, in the order of the runs and their names. Cheap: the details are not read. */
  detailBytes(wanted: readonly DetailsWanted[]): Promise<readonly (readonly number[])[]>;
  /** In the order of the runs; null for a run that is gone. `bytes`: the result of detailBytes. */
  details(
    wanted: readonly DetailsWanted[],
    bytes: readonly (readonly number[])[],
    signal: AbortSignal,
  ): Promise<readonly (Partial<RunDetails> | null)[]>;
  /** @throws the scan's signal's reason; LimitExceeded where the scan's request has looked at too many runs */
  page(request: RunPageRequest, scan: Scan): Promise<RunPage>;
  /** @throws Conflict where the key was used with another input */
  start(request: StartRequest, admit?: AdmitStart): Promise<RunSummary>;
  /** @throws NotFound. A run that has ended is returned unchanged. */
  cancel(id: RunId, reason: string | null, force: boolean): Promise<RunSummary>;
  /** @throws NotFound */
  retry(id: RunId, admit?: AdmitStart): Promise<RunSummary>;
  /** @throws NotFound, or Conflict where it has not finished */
  delete(id: RunId): Promise<void>;
}

/** The calls on runs, bound to one caller. Cheap: transports call it for each request. */
export type RunsFor = (caller: Caller) => Runs;

/** Follows changes of runs, with one Redis subscription per process. */
export interface RunUpdates {
  /**
   * Resolves when Redis has confirmed the subscription. From then on it calls `onUpdate` for each change, and `onGap` when
   * changes can have been missed (the connection to Redis was lost and is back). The returned function ends it at once.
   * Waits while Redis is away. @throws the signal's reason
   */
  follow(
    listener: {
      /** Changes of runs that it does not see are not reported. */
      readonly caller: Caller;
      /** Default: all runs. */
      readonly runId?: RunId;
      onUpdate(update: RunUpdate): void;
      onGap(): void;
    },
    signal?: AbortSignal,
  ): Promise<() => void>;
}

/** Who follows changes. */
export interface Following {
  readonly updates: RunUpdates;
  readonly caller: Caller;
}
