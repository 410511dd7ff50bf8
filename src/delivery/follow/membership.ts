/** Which runs a follower of many runs follows: those of the list that match, and those that match later. */
import { NewestMap } from '../../collections/newestMap.ts';
import type { EpochMs, Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunStatus, type RunSummary } from '../../domain/run.ts';
import { type RunFilter, type RunMatcher, runMatcher } from '../../runs/records/runFilter.ts';
import { type Following, type MarkedRun, type Runs, type RunUpdate, Scan } from '../../runs/records/runs.ts';
import { whenAnswered } from '../changes/runState.ts';

/** Runs whose changes wait to be read. Beyond it all are dropped, and the list is read again. */
const MAX_PENDING_RUNS = 2000;
/** Runs that are read in one request. */
const READ_TOGETHER = 50;

/** Where the log of a run begins for the follower. */
export type Start = { readonly after: Seq } | 'tail';

/** What is to be done about a run. `until`: it no longer matches, and its log up to there is still to be followed. */
export interface Member {
  readonly run: RunSummary;
  readonly until: Seq | null;
}

export interface MembershipOptions extends Following {
  readonly runs: Pick<Runs, 'getMarked' | 'page'>;
  readonly filter: RunFilter;
  /** Positions of runs that the client followed before. */
  readonly positions: ReadonlyMap<RunId, Seq>;
  /** Runs that started, or else were created, from then on are followed from their beginning. */
  readonly since: EpochMs;
  /** Something can be read. */
  readonly onChange: () => void;
}

interface Walk {
  after: RunId | null;
  /** Runs that ended before are not taken. */
  readonly endedSince: EpochMs;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #matcher: RunMatcher | null;
  /** With every status that a run had since it was last read. */
  readonly #pending = new Map<RunId, ReadonlySet<RunStatus>>();
  /** Positions at which runs were left; the greatest number: it ended. Beyond the newest ones, a gap can repeat a run. */
  readonly #left = new NewestMap<RunId, Seq>(10_000);
  readonly #openedAt: EpochMs = Date.now();
  #walks: Walk[] = [{ after: null, endedSince: 0 }];
  #unfollow: () => void = () => undefined;
  #missed = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#matcher = runMatcher(options.filter);
    for (const id of options.positions.keys()) this.#pending.set(id, new Set());
  }

  /** Resolves when changes are followed; waits while Redis is away. @throws the signal's reason */
  async open(signal: AbortSignal): Promise<void> {
    const { updates, caller } = this.#options;
    const onUpdate = (update: RunUpdate): void => this.#note(update);
    this.#unfollow = await updates.follow({ caller, onUpdate, onGap: () => this.#gap() }, signal);
  }

  close(): void {
    this.#unfollow();
    this.#pending.clear();
    this.#walks = [];
  }

  get hasChanges(): boolean {
    return this.#pending.size > 0;
  }
  /** There are runs in the list that were not looked at. */
  get hasMore(): boolean {
    return this.#walks.length > 0;
  }

  /** Call it when a run is no longer followed. `position`: how far it was followed; null: it has ended. */
  left(id: RunId, position: Seq | null): void {
    this.#left.set(id, position ?? Number.MAX_SAFE_INTEGER);
  }

  /** Where a run begins that is not followed now; null if nothing follows. */
  startOf(run: RunSummary): Start | null {
    const left = this.#left.get(run.id);
    if (left !== undefined) return left >= run.lastSeq ? null : { after: left };
    const { positions, since, filter } = this.#options;
    const position = positions.get(run.id);
    if (position !== undefined) return { after: position };
    const isOfUnfinished = !filter.failure?.length && (!filter.status?.length || !filter.status.every(isTerminal));
    return isOfUnfinished && (run.startedAt ?? run.createdAt) >= since ? { after: 0 } : 'tail';
  }

  /** Reads some runs that have changed. @throws the signal's reason */
  async changes(followed: ReadonlySet<RunId>, signal: AbortSignal): Promise<readonly Member[]> {
    const taken = [...this.#pending].slice(0, READ_TOGETHER).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [id] of taken) this.#pending.delete(id);
    const ids = taken.map(([id]) => id);
    const runs = await whenAnswered(() => this.#options.runs.getMarked(ids, this.#matcher), signal);
    return taken.flatMap(([id, statuses], i) => {
      const run = runs[i] ?? null;
      return run === null ? [] : this.#changed(run, statuses, followed.has(id));
    });
  }

  /** Reads the next part of the list. @throws the signal's reason; Busy */
  async more(followed: ReadonlySet<RunId>, signal: AbortSignal): Promise<readonly Member[]> {
    const [walk] = this.#walks;
    if (walk === undefined) return [];
    const request = {
      first: READ_TOGETHER,
      filter: this.#options.filter,
      ...(walk.after ? { after: walk.after } : {}),
    };
    const [page, hasNext] = await whenAnswered(async () => {
      const found = await this.#options.runs.page(request, new Scan(signal));
      return [found, await found.hasNext()] as const;
    }, signal);
    if (hasNext && page.end !== null) walk.after = page.end;
    else this.#walks = this.#walks.filter((one) => one !== walk);
    return page.runs
      .filter(({ id, finishedAt }) => !followed.has(id) && (finishedAt ?? walk.endedSince) >= walk.endedSince)
      .map((run) => ({ run, until: null }));
  }

  /** Changes can have been missed. The list is read again, without what had ended before. */
  gap(followed: Iterable<RunId>): void {
    this.#pending.clear();
    for (const id of followed) this.#pending.set(id, new Set());
    if (!this.#walks.some(({ endedSince, after }) => endedSince > 0 && after === null)) {
      this.#walks.push({ after: null, endedSince: this.#openedAt });
    }
  }

  /** Whether changes were missed since the last call. */
  takeMissed(): boolean {
    const missed = this.#missed;
    this.#missed = false;
    return missed;
  }

  #gap(): void {
    this.#missed = true;
    this.#options.onChange();
  }

  #note({ runId, kind, before }: RunUpdate): void {
    if (kind === 'GREW' || kind === 'DELETED') return;
    const known = this.#pending.get(runId);
    if (known === undefined && this.#pending.size >= MAX_PENDING_RUNS) {
      this.#gap();
      return;
    }
    this.#pending.set(runId, new Set([...(known ?? []), ...(before === null ? [] : [before])]));
    this.#options.onChange();
  }

  #changed(run: MarkedRun, statuses: ReadonlySet<RunStatus>, isFollowed: boolean): readonly Member[] {
    const matches = (status: RunStatus): boolean => this.#matcher?.matches({ ...run, status }) ?? true;
    const now = matches(run.status);
    const knows = isFollowed || (this.#options.positions.has(run.id) && !this.#left.has(run.id));
    if (!now && !knows && ![...statuses].some(matches)) return [];
    // What ends while it is followed is followed to its end.
    return [{ run, until: now || isTerminal(run.status) ? null : run.lastSeq }];
  }
}
