import { AutoResetEvent } from '../../async/autoResetEvent.ts';
import type { PullSource } from '../../async/pullIterator.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus, RunSummary } from '../../domain/run.ts';
import { type RunFacts, type RunFilter, type RunMatcher, runMatcher } from '../../runs/records/runFilter.ts';
import type { Following, MarkedRun, Runs, RunUpdate } from '../../runs/records/runs.ts';
import { stateOf, whenAnswered } from './runState.ts';

export interface RunChange {
  readonly kind: 'SYNCED' | 'CREATED' | 'UPDATED' | 'LEFT' | 'DELETED';
  readonly runId: RunId | null;
  readonly run: RunSummary | null;
}

/** What has happened to a run since the reader last asked. */
interface Pending {
  readonly created: boolean;
  readonly deleted: boolean;
  /** Only lines were written. */
  readonly grewOnly: boolean;
  /** Every status that it had in between, and the one before. */
  readonly statuses: ReadonlySet<RunStatus>;
}

/** Runs whose changes wait for the reader. Beyond it, all are dropped and SYNCED is sent: the client reads the list again. */
const MAX_PENDING_RUNS = 2000;
/** Runs that are read in one request. */
const READ_TOGETHER = 50;
/** Runs whose last sent state is kept, so that it is not sent twice. Beyond it the oldest are dropped, and can be sent twice. */
const SENT_RUNS = 500;

const SYNCED: RunChange = { kind: 'SYNCED', runId: null, run: null };

/** Changes of the runs that match a filter. SYNCED comes first, and again after a gap. */
export class RunsSource implements PullSource<RunChange> {
  readonly #runs: Pick<Runs, 'getMarked'>;
  readonly #filter: RunFilter;
  readonly #matcher: RunMatcher | null;
  readonly #changed = new AutoResetEvent();
  readonly #pending = new Map<RunId, Pending>();
  readonly #sent = new Map<RunId, string>();
  #ready: RunChange[] = [];
  #unsynced = true;
  #unfollow: () => void = () => undefined;

  private constructor(runs: Pick<Runs, 'getMarked'>, filter: RunFilter) {
    this.#runs = runs;
    this.#filter = filter;
    this.#matcher = runMatcher(filter);
  }

  /** Resolves when changes are being followed; waits while Redis is away. @throws the signal's reason */
  static async open(
    runs: Pick<Runs, 'getMarked'>,
    { updates, caller }: Following,
    filter: RunFilter,
    signal: AbortSignal,
  ): Promise<RunsSource> {
    const source = new RunsSource(runs, filter);
    const listener = { caller, onUpdate: (update: RunUpdate) => source.#note(update), onGap: () => source.#gap() };
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
        await this.#changed.wait(signal);
        continue;
      }
      this.#ready = await this.#readSome(signal);
    }
  }

  close(): void {
    this.#unfollow();
    this.#pending.clear();
    this.#sent.clear();
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
    this.#changed.set();
  }

  #gap(): void {
    this.#pending.clear();
    this.#unsynced = true;
    this.#changed.set();
  }

  async #readSome(signal: AbortSignal): Promise<RunChange[]> {
    const taken = [...this.#pending].slice(0, READ_TOGETHER);
    for (const [runId] of taken) this.#pending.delete(runId);
    const ids = taken.map(([runId]) => runId);
    const runs = await whenAnswered(() => this.#runs.getMarked(ids, this.#matcher), signal);
    return taken.flatMap(([runId, pending], index) => this.#changeOf(runId, pending, runs[index] ?? null));
  }

  #matches(run: RunFacts): boolean {
    return this.#matcher?.matches(run) ?? true;
  }

  /** Keeps the state of the run as sent. Returns whether it differs from the last one. */
  #remember(run: RunSummary): boolean {
    const state = stateOf(run);
    if (this.#sent.get(run.id) === state) return false;
    this.#sent.delete(run.id);
    this.#sent.set(run.id, state);
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= SENT_RUNS) break;
      this.#sent.delete(oldest);
    }
    return true;
  }

  #changeOf(runId: RunId, pending: Pending, run: MarkedRun | null): RunChange[] {
    // Other changes of a run that grew come by their own updates.
    if (pending.grewOnly) {
      return run !== null && this.#matches(run) && this.#remember(run) ? [{ kind: 'UPDATED', runId, run }] : [];
    }
    if (run === null || pending.deleted) {
      // Its labels are gone with it, so only the status can prove that the reader never saw it.
      const { status } = this.#filter;
      const seen = !status?.length || [...pending.statuses].some((before) => status.includes(before));
      return seen ? [{ kind: 'DELETED', runId, run: null }] : [];
    }
    if (this.#matches(run)) {
      this.#remember(run);
      return [{ kind: pending.created ? 'CREATED' : 'UPDATED', runId, run }];
    }
    const matched = [...pending.statuses].some((status) => this.#matches({ ...run, status }));
    return (this.#sent.delete(runId) || matched) && !pending.created ? [{ kind: 'LEFT', runId, run }] : [];
  }
}
