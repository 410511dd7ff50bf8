/**
 * Finds watched runs whose logs have grown. Appends of lines alone are not published on run_updates: they are too many.
 * So a process with followers reads once a second, in one round trip, how long the logs of those runs are. Runs that
 * nobody watches, those of other tenants too, cost nothing, and it does not matter which process or executor writes them.
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
import { activeIndex } from '../records/indexKeys.ts';

const LOOK_EVERY_MS = 1000;
/** Executing runs are known by updates. A tenant's unfinished runs are read again this often, for missed updates. */
const DISCOVER_EVERY_MS = 10_000;
/** Runs of one round trip. */
const TOGETHER = 200;

export interface GrownRun {
  readonly id: RunId;
  readonly tenant: string;
}

/** What is followed: one run, or all runs of a tenant. */
export type Watched = { readonly runId: RunId } | { readonly tenant: string };

/** Followers of all runs of one tenant. */
interface Everything {
  followers: number;
  /** Open once the present length of the logs is known. */
  readonly baseline: Latch;
  discoveredAt: number;
}

/** What is known of the log of one run. */
interface Seen {
  /** Newest seq at the last look; null: not looked at yet. */
  readonly lastSeq: number | null;
  /** Whose followers it is looked at for; null: it is followed by its id. */
  readonly tenant: string | null;
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
  readonly #tenants = new Map<string, Everything>();
  /** Runs that are followed by id, and executing runs of the tenants with followers. */
  readonly #seen = new Map<RunId, Seen>();
  #timer: NodeJS.Timeout | null = null;
  #looking = false;

  constructor(redis: Redis, log: Pick<Logger, 'warn'>, onGrown: OnGrown) {
    this.#redis = redis;
    this.#log = log;
    this.#onGrown = onGrown;
  }

  /**
   * Resolves when growth from then on is reported. The returned function ends it; call it once.
   * @throws the signal's reason
   */
  async watch(watched: Watched, signal: AbortSignal | null): Promise<() => void> {
    this.#timer ??= this.#lookLater();
    if ('runId' in watched) {
      const { runId } = watched;
      this.#single.set(runId, (this.#single.get(runId) ?? 0) + 1);
      // It needs no baseline: its first look is reported as growth, and it reads the run then.
      return () => this.#leaveRun(runId);
    }
    const { tenant } = watched;
    const all = this.#tenants.get(tenant) ?? newEverything();
    this.#tenants.set(tenant, all);
    all.followers += 1;
    try {
      if (this.#redis.status === 'ready') this.#discover(tenant, all).catch(this.#logReply);
      await all.baseline.wait(signal);
      return () => this.#leaveTenant(tenant, all);
    } catch (error) {
      this.#leaveTenant(tenant, all);
      throw error;
    }
  }

  /** For a run with a message on run_updates: it can be executing. */
  note(runId: RunId, tenant: string): void {
    if (this.#tenants.has(tenant) && !this.#seen.has(runId)) this.#seen.set(runId, { lastSeq: null, tenant });
  }

  #leaveRun(runId: RunId): void {
    const left = (this.#single.get(runId) ?? 0) - 1;
    if (left > 0) this.#single.set(runId, left);
    else this.#single.delete(runId);
    this.#stopIfUnused();
  }

  #leaveTenant(tenant: string, all: Everything): void {
    all.followers -= 1;
    if (all.followers > 0) return;
    this.#tenants.delete(tenant);
    for (const [id, seen] of this.#seen) if (seen.tenant === tenant && !this.#single.has(id)) this.#seen.delete(id);
    this.#stopIfUnused();
  }

  #stopIfUnused(): void {
    if (this.#tenants.size > 0 || this.#single.size > 0 || this.#timer === null) return;
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
      for (const [tenant, all] of this.#tenants) {
        if (performance.now() - all.discoveredAt >= DISCOVER_EVERY_MS) await this.#discover(tenant, all);
      }
      await this.#compare([...new Set([...this.#single.keys(), ...this.#seen.keys()])]);
    } catch (error) {
      this.#logReply(error);
    } finally {
      this.#looking = false;
    }
  }

  /** An outage is logged by the connection. */
  readonly #logReply = (error: unknown): void => {
    if (isReply(error)) this.#log.warn({ err: error }, 'could not read which logs have grown');
  };

  /** Notes the tenant's executing runs. The first time, the present length of their logs is the followers' baseline. */
  async #discover(tenant: string, all: Everything): Promise<void> {
    const first = all.discoveredAt === Number.NEGATIVE_INFINITY;
    for (let min = '-'; ; ) {
      const ids = (await this.#redis.zrangebylex(activeIndex(tenant), min, '+', 'LIMIT', 0, TOGETHER)) as RunId[];
      for (const { id, status, lastSeq } of await this.#read(ids)) {
        if (!isExecuting(status) || this.#seen.has(id)) continue;
        this.#seen.set(id, { lastSeq: first ? lastSeq : null, tenant });
      }
      if (ids.length < TOGETHER) break;
      min = `(${ids.at(-1)}`;
    }
    all.discoveredAt = performance.now();
    all.baseline.open();
  }

  async #compare(ids: readonly RunId[]): Promise<void> {
    for (let from = 0; from < ids.length; from += TOGETHER) {
      for (const { id, tenant, status, lastSeq } of await this.#read(ids.slice(from, from + TOGETHER))) {
        const watched = this.#single.has(id);
        if (!watched && (!this.#tenants.has(tenant) || !isExecuting(status))) this.#seen.delete(id);
        else if (this.#seen.get(id)?.lastSeq !== lastSeq) {
          this.#seen.set(id, { lastSeq, tenant: this.#tenants.has(tenant) ? tenant : null });
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

const newEverything = (): Everything => ({
  followers: 0,
  baseline: new Latch(),
  discoveredAt: Number.NEGATIVE_INFINITY,
});
