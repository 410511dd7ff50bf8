/** Changes of runs as subscriptions get them: one run's newest state, or a list's changes. Both coalesce. */

import type { PullSource } from '../async/pullIterator.ts';
import { retry } from '../async/retry.ts';
import { NotFound, Unavailable } from '../domain/errors.ts';
import type { RunId } from '../domain/ids.ts';
import { isTerminal, type MarkedRun, type RunStatus, type RunSummary } from '../domain/run.ts';
import {
  type RunFilter,
  type RunMatcher,
  type Runs,
  type RunUpdate,
  type RunUpdates,
  runMatcher,
} from '../runs/records/runs.ts';

const READ_AGAIN_MS = 250;

/** Reads, and waits while Redis is away. @throws the signal's reason, and every error but Unavailable */
export const whenAnswered = <T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retry(read, {
    signal,
    pauseMs: () => READ_AGAIN_MS,
    isFinal: (error) => !(error instanceof Unavailable),
  });

/** Lets one reader wait until something happened. Missed and repeated wake-ups collapse into one. */
class Wake {
  #happened = false;
  #resolve: (() => void) | null = null;

  set(): void {
    this.#happened = true;
    this.#resolve?.();
  }

  /** @throws the signal's reason */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#happened) {
      await new Promise<void>((resolve, reject) => {
        const aborted = () => reject(signal.reason);
        signal.addEventListener('abort', aborted, { once: true });
        this.#resolve = () => {
          signal.removeEventListener('abort', aborted);
          resolve();
        };
      });
      this.#resolve = null;
    }
    this.#happened = false;
  }
}

/** Equal for equal states, as far as a subscription tells them: changes, and lines. */
const stateOf = ({ version, lastSeq }: Pick<RunSummary, 'version' | 'lastSeq'>): string => `${version} ${lastSeq}`;

/** The run now, then its newest state at each change, and once a second while lines come; what changes while nobody asks is told once. */
export class RunSource implements PullSource<RunSummary> {
  readonly #runs: Pick<Runs, 'get'>;
  readonly #runId: RunId;
  readonly #wake = new Wake();
  #unfollow: () => void = () => undefined;
  #told: string | null = null;
  #ended = false;
  #gone = false;

  private constructor(runs: Pick<Runs, 'get'>, runId: RunId) {
    this.#runs = runs;
    this.#runId = runId;
  }

  /** Waits while Redis is away. @throws NotFound, or the signal's reason */
  static async open(
    runs: Pick<Runs, 'get'>,
    updates: RunUpdates,
    runId: RunId,
    signal: AbortSignal,
  ): Promise<RunSource> {
    const source = new RunSource(runs, runId);
    source.#wake.set();
    const onUpdate = (update: RunUpdate): void => {
      if (update.kind === 'DELETED') source.#gone = true;
      source.#wake.set();
    };
    source.#unfollow = await updates.follow({ runId, onUpdate, onGap: () => source.#wake.set() }, signal);
    try {
      if ((await whenAnswered(() => runs.get(runId, signal), signal)) === null) throw new NotFound();
    } catch (error) {
      source.#unfollow();
      throw error;
    }
    return source;
  }

  async next(signal: AbortSignal): Promise<RunSummary | null> {
    while (!this.#ended) {
      await this.#wake.wait(signal);
      const run = this.#gone ? null : await whenAnswered(() => this.#runs.get(this.#runId, signal), signal);
      if (run === null) throw new NotFound();
      const state = stateOf(run);
      if (state === this.#told) continue;
      this.#told = state;
      this.#ended = isTerminal(run.status);
      return run;
    }
    return null;
  }

  close(): void {
    this.#unfollow();
  }
}

export interface RunChange {
  readonly kind: 'SYNCED' | 'CREATED' | 'UPDATED' | 'LEFT' | 'DELETED';
  readonly runId: RunId | null;
  readonly run: RunSummary | null;
}

/** What happened to a run since its reader last asked. */
interface Pending {
  readonly created: boolean;
  readonly deleted: boolean;
  /** Lines were written, and nothing else was told. */
  readonly grewOnly: boolean;
  /** Every status that it had in between, the one before included. */
  readonly statuses: ReadonlySet<RunStatus>;
}

/**
 * Runs that changed and were not told yet. Policy at the bound: forget them all and say SYNCED again,
 * upon which the client reads the list anew.
 */
const MAX_PENDING_RUNS = 2000;
/** Runs that are read in one question. */
const READ_TOGETHER = 50;
/** Runs whose last state is remembered, so that it is not told again; beyond it the oldest are forgotten, and may be. */
const TOLD_RUNS = 500;

const SYNCED: RunChange = { kind: 'SYNCED', runId: null, run: null };

export class RunsSource implements PullSource<RunChange> {
  readonly #runs: Pick<Runs, 'getMarked'>;
  readonly #filter: RunFilter;
  readonly #matches: RunMatcher;
  readonly #wake = new Wake();
  readonly #pending = new Map<RunId, Pending>();
  readonly #told = new Map<RunId, string>();
  #ready: RunChange[] = [];
  #unsynced = true;
  #unfollow: () => void = () => undefined;

  private constructor(runs: Pick<Runs, 'getMarked'>, filter: RunFilter) {
    this.#runs = runs;
    this.#filter = filter;
    this.#matches = runMatcher(filter) ?? (() => true);
  }

  /** Resolves when changes are being followed; waits while Redis is away. @throws the signal's reason */
  static async open(
    runs: Pick<Runs, 'getMarked'>,
    updates: RunUpdates,
    filter: RunFilter,
    signal: AbortSignal,
  ): Promise<RunsSource> {
    const source = new RunsSource(runs, filter);
    const listener = { onUpdate: (update: RunUpdate) => source.#note(update), onGap: () => source.#gap() };
    source.#unfollow = await updates.follow(listener, signal);
    return source;
  }

  async next(signal: AbortSignal): Promise<RunChange | null> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#unsynced) {
        this.#unsynced = false;
        this.#ready = [];
        return SYNCED;
      }
      const change = this.#ready.shift();
      if (change !== undefined) return change;
      if (this.#pending.size === 0) {
        await this.#wake.wait(signal);
        continue;
      }
      this.#ready = await this.#readSome(signal);
    }
  }

  close(): void {
    this.#unfollow();
    this.#pending.clear();
    this.#told.clear();
    this.#ready = [];
  }

  #note(update: RunUpdate): void {
    const { runId, kind, before } = update;
    const known = this.#pending.get(runId);
    if (known === undefined && this.#pending.size >= MAX_PENDING_RUNS) {
      this.#gap();
      return;
    }
    const statuses = new Set(known?.statuses);
    if (before !== null) statuses.add(before);
    this.#pending.set(runId, {
      grewOnly: kind === 'GREW' && (known?.grewOnly ?? true),
      created: kind === 'CREATED' || (known?.created ?? false),
      deleted: kind === 'DELETED' || (known?.deleted ?? false),
      statuses,
    });
    this.#wake.set();
  }

  #gap(): void {
    this.#pending.clear();
    this.#unsynced = true;
    this.#wake.set();
  }

  async #readSome(signal: AbortSignal): Promise<RunChange[]> {
    const taken = [...this.#pending].slice(0, READ_TOGETHER);
    for (const [runId] of taken) this.#pending.delete(runId);
    const ids = taken.map(([runId]) => runId);
    const runs = await whenAnswered(() => this.#runs.getMarked(ids), signal);
    return taken.flatMap(([runId, pending], index) => this.#changeOf(runId, pending, runs[index] ?? null));
  }

  /** What was told of the run last, of the newest TOLD_RUNS. Answers whether that is another state. */
  #remember(run: RunSummary): boolean {
    const state = stateOf(run);
    if (this.#told.get(run.id) === state) return false;
    this.#told.delete(run.id);
    this.#told.set(run.id, state);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= TOLD_RUNS) break;
      this.#told.delete(oldest);
    }
    return true;
  }

  #changeOf(runId: RunId, pending: Pending, run: MarkedRun | null): RunChange[] {
    // Whatever else happened to a run that grew is told by its own update.
    if (pending.grewOnly) {
      return run !== null && this.#matches(run) && this.#remember(run) ? [{ kind: 'UPDATED', runId, run }] : [];
    }
    if (run === null || pending.deleted) {
      // Its labels are not known any more, so only its status can tell that nobody here ever saw it.
      const { status } = this.#filter;
      const seen = !status?.length || [...pending.statuses].some((before) => status.includes(before));
      return seen ? [{ kind: 'DELETED', runId, run: null }] : [];
    }
    if (this.#matches(run)) {
      this.#remember(run);
      return [{ kind: pending.created ? 'CREATED' : 'UPDATED', runId, run }];
    }
    const matched = [...pending.statuses].some((status) => this.#matches({ ...run, status }));
    return matched && !pending.created ? [{ kind: 'LEFT', runId, run }] : [];
  }
}
