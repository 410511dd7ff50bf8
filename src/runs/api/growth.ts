/**
 * Which of the watched runs have had lines lately. Appends of lines alone tell nobody (they are too many), so a process
 * with followers asks once a second, in one question, how far the logs of those runs go: runs that nobody watches cost
 * nothing, and it makes no difference which process or executor writes them.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Latch } from '../../async/latch.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunStatus } from '../../domain/run.ts';
import { recordKey } from '../../wire/keys.ts';
import { isReply } from '../../wire/takesWrites.ts';
import { ACTIVE_RUNS } from '../records/indexKeys.ts';
import { replies } from '../records/store.ts';

const LOOK_EVERY_MS = 1000;
/** What is being executed is known by updates; the set of unfinished runs is read again for those that were missed. */
const DISCOVER_EVERY_MS = 10_000;
/** Runs of one round trip. */
const TOGETHER = 200;

type OnGrown = (runId: RunId, status: RunStatus) => void;

const isExecuting = (status: string | null | undefined): boolean => status === 'STARTING' || status === 'RUNNING';

export class Growth {
  readonly #redis: Redis;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #onGrown: OnGrown;
  /** Runs that somebody follows alone, with how many do. */
  readonly #single = new Map<RunId, number>();
  /** Followers of all runs. */
  #all = 0;
  /** How far the logs went at the last look: of runs that are followed alone, and of those that are being executed. */
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

  /** One run, or all (null). Resolves when what grows from here on is told. @throws the signal's reason */
  async watch(runId: RunId | null, signal: AbortSignal | null): Promise<() => void> {
    if (runId === null) this.#all += 1;
    else this.#single.set(runId, (this.#single.get(runId) ?? 0) + 1);
    this.#timer ??= this.#lookLater();
    const leave = (): void => this.#leave(runId);
    try {
      // Whoever follows one run reads it anew whenever it is looked at for the first time.
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

  /** run_updates told of the run: it may be executed from now on. */
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

  /** Counted from the end of the last look: two looks are never closer. */
  #lookLater(): NodeJS.Timeout {
    return setTimeout(() => {
      void this.#look().finally(() => {
        if (this.#timer !== null) this.#timer = this.#lookLater();
      });
    }, LOOK_EVERY_MS);
  }

  /** One at a time; the next second asks again. While Redis is away its connection says so. */
  async #look(): Promise<void> {
    if (this.#looking || this.#redis.status !== 'ready') return;
    this.#looking = true;
    try {
      if (this.#all > 0 && performance.now() - this.#discoveredAt >= DISCOVER_EVERY_MS) await this.#discover();
      await this.#compare([...new Set([...this.#single.keys(), ...this.#seen.keys()])]);
    } catch (error) {
      if (isReply(error)) this.#log.warn({ err: error }, 'it could not be asked which runs have new lines');
    } finally {
      this.#looking = false;
    }
  }

  /** Notes the runs that are being executed. Those of the first time are where followers begin. */
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
      for (const { id, status, lastSeq } of await this.#read(ids.slice(from, from + TOGETHER))) {
        const watched = this.#single.has(id);
        if (!watched && (this.#all === 0 || !isExecuting(status))) this.#seen.delete(id);
        else if (this.#seen.get(id) !== lastSeq) {
          this.#seen.set(id, lastSeq);
          if (status !== null) this.#onGrown(id, status as RunStatus);
        }
      }
    }
  }

  async #read(
    ids: readonly RunId[],
  ): Promise<readonly { readonly id: RunId; readonly status: string | null; readonly lastSeq: number }[]> {
    if (ids.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.hmget(recordKey(id), 'status', 'lastSeq');
    const answers = replies(await pipeline.exec()) as [string | null, string | null][];
    return ids.map((id, i) => {
      const [status = null, lastSeq = null] = answers[i] ?? [];
      return { id, status, lastSeq: Number(lastSeq) };
    });
  }
}
