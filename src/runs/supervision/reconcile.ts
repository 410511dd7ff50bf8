/**
 * Puts right, every 3 s in every process, what crashes and losses left: runs without a supervisor, attempts
 * without a job, ids without a run, containers without an attempt. All of it is safe to do in several
 * processes at once.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { pause } from '../../async/pause.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunStatus } from '../../domain/run.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import { leaseKey, recordKey } from '../../wire/keys.ts';
import { IDEMPOTENCY_FIELD } from '../records/creation.ts';
import { ACTIVE_RUNS, RUNS_INDEX } from '../records/indexKeys.ts';
import { replies } from '../records/store.ts';
import { Overdue } from './overdue.ts';
import type { AttemptQueue } from './queue.ts';
import type { Supervisor } from './supervisor.ts';

const EVERY_MS = 3000;
/** Ids looked at by one round trip. */
const CHUNK = 200;
/** The launcher is asked, keys are renewed and the index is swept less often. */
const CLEAN_EVERY_MS = 10_000;
/** What is being made looks left over for a moment. */
const GRACE_MS = 30_000;

export interface ReconcilerContext {
  readonly redis: Redis;
  readonly queue: AttemptQueue;
  readonly launcher: Launcher;
  readonly supervisor: Supervisor;
  readonly log: Logger;
  /** How long a thing must have looked left over before it goes; default GRACE_MS. */
  readonly graceMs?: number;
}

interface ActiveRun {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly attempt: number;
  readonly nextAttempt: number;
  readonly retryAt: number | null;
  readonly retentionMs: number;
  readonly idempotency: string | null;
  readonly leased: boolean;
  readonly cancelled: boolean;
}

const FIELDS = [
  'status',
  'attempt',
  'nextAttempt',
  'retryAt',
  'retentionMs',
  IDEMPOTENCY_FIELD,
  'cancelRequestedAt',
] as const;

export class Reconciler {
  readonly #context: ReconcilerContext;
  readonly #missing: Overdue<RunId>;
  readonly #leftOver: Overdue<string>;
  /** Adoptions under way; they last as long as the runs, outside of the queue's places. */
  readonly #adopting = new Map<RunId, Promise<void>>();
  #cleanedAt = Number.NEGATIVE_INFINITY;
  #sweptTo = '-';

  constructor(context: ReconcilerContext) {
    this.#context = context;
    this.#missing = new Overdue(context.graceMs ?? GRACE_MS);
    this.#leftOver = new Overdue(context.graceMs ?? GRACE_MS);
  }

  /** Works until the signal aborts, then waits for its adoptions to let go. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.pass(signal);
        if (performance.now() - this.#cleanedAt >= CLEAN_EVERY_MS) await this.clean(signal);
      } catch (error) {
        if (!signal.aborted) this.#context.log.warn({ err: error }, 'a pass of the reconciler was not finished');
      }
      await pause(EVERY_MS * (0.8 + 0.4 * Math.random()), signal).catch(() => undefined);
    }
    await Promise.allSettled(this.#adopting.values());
  }

  /** One pass over the unfinished runs, oldest first. @throws the connection's error */
  async pass(signal: AbortSignal): Promise<void> {
    const missing: RunId[] = [];
    const renew = performance.now() - this.#cleanedAt >= CLEAN_EVERY_MS;
    for await (const ids of this.#walk(ACTIVE_RUNS, '-', signal)) {
      const runs = await this.#look(ids);
      const known = new Set(runs.map((run) => run.id));
      missing.push(...ids.filter((id) => !known.has(id)));
      await this.#keepIndexed(runs);
      await this.#queueDue(runs);
      if (renew) await this.#renewIdempotency(runs);
      for (const run of runs) this.#adoptLost(run);
    }
    const gone = this.#missing.note(missing);
    if (gone.length > 0) await this.#context.redis.zrem(ACTIVE_RUNS, ...gone);
  }

  /** What needs no haste: ids without a run, containers without an attempt. @throws the connection's or engine's error */
  async clean(signal: AbortSignal): Promise<void> {
    this.#cleanedAt = performance.now();
    await this.#sweepIndex(signal);
    await this.#removeLeftOver();
  }

  async *#walk(key: string, from: string, signal: AbortSignal): AsyncGenerator<RunId[], void, undefined> {
    for (let min = from; ; ) {
      signal.throwIfAborted();
      const ids = (await this.#context.redis.zrangebylex(key, min, '+', 'LIMIT', 0, CHUNK)) as RunId[];
      if (ids.length > 0) yield ids;
      if (ids.length < CHUNK) return;
      min = `(${ids.at(-1)}`;
    }
  }

  async #look(ids: readonly RunId[]): Promise<ActiveRun[]> {
    const pipeline = this.#context.redis.pipeline();
    for (const id of ids) pipeline.hmget(recordKey(id), ...FIELDS).exists(leaseKey(id));
    const answers = replies(await pipeline.exec());
    return ids.flatMap((id, i) => {
      const [status, attempt, nextAttempt, retryAt, retentionMs, idempotency, cancelled] = answers[2 * i] as (
        | string
        | null
      )[];
      if (!status) return [];
      return {
        id,
        status: status as RunStatus,
        attempt: Number(attempt),
        nextAttempt: Number(nextAttempt),
        retryAt: retryAt ? Number(retryAt) : null,
        retentionMs: Number(retentionMs),
        idempotency: idempotency || null,
        leased: answers[2 * i + 1] === 1,
        cancelled: Boolean(cancelled),
      };
    });
  }

  /** Runs that ended leave the unfinished ones; a crash in the middle of a start may have left one out of the index. */
  async #keepIndexed(runs: readonly ActiveRun[]): Promise<void> {
    const { redis } = this.#context;
    const ended = runs.filter((run) => isTerminal(run.status)).map((run) => run.id);
    if (ended.length > 0) await redis.zrem(ACTIVE_RUNS, ...ended);
    const members = runs.flatMap((run) => [0, run.id]);
    if (members.length > 0) await redis.zadd(RUNS_INDEX, 'NX', ...members);
  }

  async #queueDue(runs: readonly ActiveRun[]): Promise<void> {
    const { queue, log } = this.#context;
    const pending = runs.filter((run) => run.status === 'PENDING');
    const queued = await queue.has(pending.map((run) => ({ runId: run.id, attempt: run.nextAttempt })));
    for (const [i, run] of pending.entries()) {
      if (queued[i] !== false || run.leased) continue;
      log.info({ runId: run.id, attempt: run.nextAttempt }, 'a waiting attempt had no job');
      await queue.add(run.id, run.nextAttempt, run.retryAt === null ? 0 : run.retryAt - Date.now());
    }
  }

  async #renewIdempotency(runs: readonly ActiveRun[]): Promise<void> {
    const pipeline = this.#context.redis.pipeline();
    for (const { idempotency, status, retentionMs } of runs) {
      if (idempotency !== null && !isTerminal(status)) pipeline.pexpire(idempotency, retentionMs);
    }
    if (pipeline.length > 0) replies(await pipeline.exec());
  }

  /** A PENDING run with a cancel is one whose API died between the two steps of it: its start ends it. */
  #adoptLost({ id, status, leased, cancelled, nextAttempt }: ActiveRun): void {
    const { supervisor } = this.#context;
    const waits = status === 'PENDING';
    if (leased || isTerminal(status) || (waits && !cancelled)) return;
    if (supervisor.supervised.has(id) || this.#adopting.has(id)) return;
    const work = waits ? supervisor.startAttempt(id, nextAttempt) : supervisor.adopt(id);
    const adoption = work.finally(() => this.#adopting.delete(id));
    this.#adopting.set(id, adoption);
  }

  /** One chunk of the index per call: ids whose record has outlived its retention go. */
  async #sweepIndex(signal: AbortSignal): Promise<void> {
    const { redis } = this.#context;
    for await (const ids of this.#walk(RUNS_INDEX, this.#sweptTo, signal)) {
      const pipeline = redis.pipeline();
      for (const id of ids) pipeline.exists(recordKey(id));
      const there = replies(await pipeline.exec());
      const gone = ids.filter((_, i) => there[i] === 0);
      if (gone.length > 0) await redis.zrem(RUNS_INDEX, ...gone);
      this.#sweptTo = ids.length < CHUNK ? '-' : `(${ids.at(-1)}`;
      return;
    }
    this.#sweptTo = '-';
  }

  /** Containers and processes of this installation that no unfinished attempt owns. */
  async #removeLeftOver(): Promise<void> {
    const { launcher, redis, log } = this.#context;
    const found = await launcher.list();
    const unowned: string[] = [];
    for (const { runId, attempt } of found) {
      const [status, current] = await redis.hmget(recordKey(runId), 'status', 'attempt');
      const owned = (status === 'STARTING' || status === 'RUNNING') && Number(current) === attempt;
      if (!owned && (await redis.exists(leaseKey(runId))) === 0) unowned.push(`${runId} ${attempt}`);
    }
    for (const one of this.#leftOver.note(unowned)) {
      const [runId, attempt] = one.split(' ');
      log.info({ runId, attempt: Number(attempt) }, 'removing what an ended attempt left');
      const execution = await launcher.find(runId as RunId, Number(attempt));
      await execution?.remove();
    }
  }
}
