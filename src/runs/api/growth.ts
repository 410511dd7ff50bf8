/**
 * Finds watched runs whose logs have grown. Appends of lines alone are not published on run_updates: they are too many.
 * So a process with followers reads once a second, in one round trip, how long the logs of those runs are. Runs that
 * nobody watches cost nothing, and it does not matter which process or executor writes them.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Latch } from '../../async/latch.ts';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus } from '../../domain/run.ts';
import { phaseOf } from '../../domain/runStates.ts';
import { parseStatus } from '../../wire/runRecord.ts';
import { isReply } from '../../wire/takesWrites.ts';
import { readFields } from '../records/fields.ts';
import { ACTIVE_RUNS } from '../records/indexKeys.ts';

const LOOK_EVERY_MS = 1000;
/** Executing runs are known by updates. The set of unfinished runs is read again this often, for missed updates. */
const DISCOVER_EVERY_MS = 10_000;
/** Runs of one round trip. */
const TOGETHER = 200;

export interface GrownRun {
  readonly id: RunId;
  readonly tenant: string;
}

type OnGrown = (run: GrownRun, status: RunStatus) => void;

interface Looked extends GrownRun {
  readonly status: RunStatus | null;
  readonly lastSeq: number;
}

const isExecuting = (status: RunStatus | null): boolean => status !== null && phaseOf(status) === 'executing';

export class Growth {
  readonly #redis: Redis;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #onGrown: OnGrown;
  /** Runs that are followed by their id, with the number of followers. */
  readonly #single = new Map<RunId, number>();
  /** Number of followers of all runs. */
  #all = 0;
  /** Newest seq at the last look: of runs that are followed by id, and, with followers of all runs, of executing ones. */
  readonly #seen = new Map<RunId, number | null>();
  #baseline = new Latch();
  #discoveredAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(redis: Redis, log: Pick<Logger, 'warn'>, onGrown: OnGrown) {
    this.#redis = redis;
    this.#log = log;
    this.#onGrown = onGrown;
  }

  /**
   * Follows one run, or all (null). Resolves when growth from then on is reported. The returned function ends it; call it
   * once. @throws the signal's reason
   */
  async watch(runId: RunId | null, signal: AbortSignal | null): Promise<() => void> {
    if (runId === null) this.#all += 1;
    else this.#single.set(runId, (this.#single.get(runId) ?? 0) + 1);
    this.#timer ??= this.#lookLater();
    const leave = (): void => this.#leave(runId);
    try {
      // A follower of one run needs no baseline: its first look is reported as growth, and it reads the run then.
      if (runId === null) {
        void this.#look();
        await this.#baseline.wait(signal);
      }
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** For a run with a message on run_updates: it can be executing. */
  note(runId: RunId): void {
    if (this.#all > 0 && !this.#seen.has(runId)) this.#seen.set(runId, null);
  }

  #leave(runId: RunId | null): void {
    const left = runId === null ? 0 : (this.#single.get(runId) ?? 0) - 1;
    if (runId === null) this.#all -= 1;
    else if (left > 0) this.#single.set(runId, left);
    else this.#single.delete(runId);
    if (this.#all === 0) {
      this.#baseline = new Latch();
      this.#discoveredAt = Number.NEGATIVE_INFINITY;
      for (const id of this.#seen.keys()) if (!this.#single.has(id)) this.#seen.delete(id);
    }
    if (this.#all > 0 || this.#single.size > 0 || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#seen.clear();
  }

  /** Counted from the end of the last look. */
  #lookLater(): NodeJS.Timeout {
    return setTimeout(() => {
      void this.#look().finally(() => {
        if (this.#timer !== null) this.#timer = this.#lookLater();
      });
    }, LOOK_EVERY_MS);
  }

  /** One look at a time. A failed one is repeated a second later; an outage is logged by the connection. */
  async #look(): Promise<void> {
    if (this.#looking || this.#redis.status !== 'ready') return;
    this.#looking = true;
    try {
      if (this.#all > 0 && performance.now() - this.#discoveredAt >= DISCOVER_EVERY_MS) await this.#discover();
      await this.#compare([...new Set([...this.#single.keys(), ...this.#seen.keys()])]);
    } catch (error) {
      if (isReply(error)) this.#log.warn({ err: error }, 'could not read which logs have grown');
    } finally {
      this.#looking = false;
    }
  }

  /** Notes the executing runs. The first time, the present length of their logs is the followers' baseline. */
  async #discover(): Promise<void> {
    const first = this.#discoveredAt === Number.NEGATIVE_INFINITY;
    const baseline = this.#baseline;
    for (let min = '-'; ; ) {
      const ids = (await this.#redis.zrangebylex(ACTIVE_RUNS, min, '+', 'LIMIT', 0, TOGETHER)) as RunId[];
      for (const { id, status, lastSeq } of await this.#read(ids)) {
        if (isExecuting(status) && !this.#seen.has(id)) this.#seen.set(id, first ? lastSeq : null);
      }
      if (ids.length < TOGETHER) break;
      min = `(${ids.at(-1)}`;
    }
    if (baseline !== this.#baseline) return;
    this.#discoveredAt = performance.now();
    baseline.open();
  }

  async #compare(ids: readonly RunId[]): Promise<void> {
    for (let from = 0; from < ids.length; from += TOGETHER) {
      for (const { id, tenant, status, lastSeq } of await this.#read(ids.slice(from, from + TOGETHER))) {
        const watched = this.#single.has(id);
        if (!watched && (this.#all === 0 || !isExecuting(status))) this.#seen.delete(id);
        else if (this.#seen.get(id) !== lastSeq) {
          this.#seen.set(id, lastSeq);
          if (status !== null) this.#onGrown({ id, tenant }, status);
        }
      }
    }
  }

  async #read(ids: readonly RunId[]): Promise<readonly Looked[]> {
    if (ids.length === 0) return [];
    const wanted = ids.map((id) => ({ id, names: ['status', 'lastSeq', 'tenant'] }));
    const answers = await readFields(this.#redis, wanted);
    return ids.map((id, i) => {
      const [status, lastSeq = null, tenant] = answers[i] ?? [];
      return { id, tenant: tenant || DEFAULT_TENANT, status: parseStatus(status), lastSeq: Number(lastSeq) };
    });
  }
}
