/**
 * Repairs every 3 s, in every process, what crashes and lost writes left: runs without a supervisor, attempts without a
 * job, ids without a run, containers without an attempt. Several processes can do it at the same time.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { pause } from '../../async/pause.ts';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunStatus } from '../../domain/run.ts';
import { phaseOf } from '../../domain/runStates.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import type { ExecutorAccess } from '../../redis/executors/executorAccess.ts';
import { leaseKey, recordKey } from '../../wire/keys.ts';
import { parseStatus } from '../../wire/runRecord.ts';
import { IDEMPOTENCY_FIELD, IMAGE_ASKED } from '../records/creation.ts';
import { type ExecutingAttempt, isAttempt } from '../records/executing.ts';
import { readFields, recordReplies, replies } from '../records/fields.ts';
import { forgetActive, indexRuns, joinQueue, leaveActive, leaveQueue } from '../records/indexes.ts';
import { ACTIVE_RUNS, isIdempotencyName } from '../records/indexKeys.ts';
import { repairRecord } from '../records/repair.ts';
import { announceMissed } from './changes.ts';
import { custodyOf } from './custody.ts';
import { IndexSweep, walkIds } from './indexSweep.ts';
import { leaseKind } from './lease.ts';
import { Overdue } from './overdue.ts';
import type { AttemptQueue } from './queue.ts';
import type { Supervisor } from './supervisor.ts';

const EVERY_MS = 3000;
/** Leftovers are removed, keys renewed and the index cleaned less often. */
const CLEAN_EVERY_MS = 10_000;
/** For a moment, a thing that is being made looks like a leftover. */
const GRACE_MS = 30_000;

export interface ReconcilerContext {
  readonly redis: Redis;
  readonly queue: AttemptQueue;
  readonly launcher: Launcher;
  readonly access: ExecutorAccess;
  readonly supervisor: Supervisor;
  readonly log: Logger;
  /** How long idempotency keys are kept, milliseconds. */
  readonly retentionMs: number;
  /** How long a thing must look like a leftover before it is removed, milliseconds; default GRACE_MS. */
  readonly graceMs?: number;
}

interface ActiveRun {
  readonly id: RunId;
  readonly tenant: string;
  readonly status: RunStatus;
  readonly attempt: number;
  readonly nextAttempt: number;
  readonly retryAt: number | null;
  readonly idempotency: string | null;
  readonly engine: string | null;
  readonly writer: string;
  readonly imageAsked: string | null;
  readonly lease: ReturnType<typeof leaseKind>;
  readonly cancelled: boolean;
}

const FIELDS = [
  'status',
  'attempt',
  'nextAttempt',
  'retryAt',
  IDEMPOTENCY_FIELD,
  'cancelRequestedAt',
  'tenant',
  'engine',
  'writer',
  IMAGE_ASKED,
] as const;

export class Reconciler {
  readonly #context: ReconcilerContext;
  readonly #missing: Overdue<RunId>;
  readonly #leftOver: Overdue<string>;
  readonly #sweep: IndexSweep;
  /** Adoptions under way. They last as long as the runs and take no places of the queue. */
  readonly #adopting = new Map<RunId, Promise<void>>();
  #cleanedAt = Number.NEGATIVE_INFINITY;

  constructor(context: ReconcilerContext) {
    this.#context = context;
    this.#missing = new Overdue(context.graceMs ?? GRACE_MS);
    this.#leftOver = new Overdue(context.graceMs ?? GRACE_MS);
    this.#sweep = new IndexSweep(context.redis);
  }

  /** Works until the signal aborts, then waits for its adoptions to end. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.pass(signal);
        if (performance.now() - this.#cleanedAt >= CLEAN_EVERY_MS) await this.clean(signal);
      } catch (error) {
        if (!signal.aborted)
          this.#context.log.warn({ err: error }, 'a pass of the reconciler failed; the next one follows');
      }
      await pause(EVERY_MS * (0.8 + 0.4 * Math.random()), signal).catch(() => undefined);
    }
    await Promise.allSettled(this.#adopting.values());
  }

  /** One pass over the unfinished runs, oldest first. @throws the connection's error */
  async pass(signal: AbortSignal): Promise<void> {
    const missing: RunId[] = [];
    const renew = performance.now() - this.#cleanedAt >= CLEAN_EVERY_MS;
    for await (const ids of walkIds(this.#context.redis, ACTIVE_RUNS, '-', signal)) {
      const runs = await this.#look(ids);
      const known = new Set(runs.map((run) => run.id));
      missing.push(...ids.filter((id) => !known.has(id)));
      await this.#keepIndexed(runs);
      await this.#queueDue(runs);
      if (renew) await this.#renewIdempotency(runs);
      for (const run of runs) this.#adoptLost(run);
    }
    const gone = this.#missing.note(missing);
    await forgetActive(this.#context.redis, gone);
  }

  /** Cleans what is not urgent: ids without a run, containers without an attempt. @throws Redis' or the engine's error */
  async clean(signal: AbortSignal): Promise<void> {
    this.#cleanedAt = performance.now();
    await this.#sweep.step(signal);
    await this.#removeLeftOver();
  }

  async #look(ids: readonly RunId[]): Promise<ActiveRun[]> {
    const pipeline = this.#context.redis.pipeline();
    for (const id of ids) pipeline.get(leaseKey(id));
    const wanted = ids.map((id) => ({ id, names: FIELDS }));
    const [answers, replied] = await Promise.all([readFields(this.#context.redis, wanted), pipeline.exec()]);
    const leases = replies(replied) as (string | null)[];
    return ids.flatMap((id, i) => {
      const fields = answers[i] ?? [];
      const [text, attempt, nextAttempt, retryAt, idempotency, cancelled, tenant, engine, writer, image] = fields;
      const status = parseStatus(text);
      if (status === null || !isAttempt(attempt) || !isAttempt(nextAttempt) || !isTime(retryAt)) {
        // Without fields the run is gone, or its record is not a hash.
        if (answers[i] === null) this.#context.log.warn({ runId: id }, 'the record of a run is not valid');
        if (text) this.#repair(id);
        return [];
      }
      return {
        id,
        tenant: tenant || DEFAULT_TENANT,
        status,
        attempt: Number(attempt),
        nextAttempt: Number(nextAttempt),
        retryAt: retryAt ? Number(retryAt) : null,
        idempotency: idempotency && isIdempotencyName(idempotency) ? idempotency : null,
        engine: engine || null,
        writer: writer ?? '',
        imageAsked: image || null,
        lease: leaseKind(leases[i] ?? null),
        cancelled: Boolean(cancelled),
      };
    });
  }

  /** The next pass finds it valid. */
  #repair(id: RunId): void {
    repairRecord(this.#context, id, 0).catch((error: unknown) =>
      this.#context.log.warn({ err: error, runId: id }, 'could not repair the record of a run'),
    );
  }

  /** Removes finished runs from the unfinished ones. Adds runs to the index that a crash during a start left out. */
  async #keepIndexed(runs: readonly ActiveRun[]): Promise<void> {
    const { redis } = this.#context;
    const over = runs.filter((run) => isTerminal(run.status));
    // Its supervisor removes it at once. If that one died, it did not announce the end either.
    for (const run of over.filter(({ lease }) => lease === 'none')) announceMissed(this.#context, run);
    for (const [tenant, own] of Map.groupBy(runs, (run) => run.tenant)) {
      const idsOf = (ended: boolean) => own.filter(({ status }) => isTerminal(status) === ended).map(({ id }) => id);
      await indexRuns(redis, tenant, idsOf(false));
      await leaveActive(redis, tenant, idsOf(true));
      const waits = ({ status }: ActiveRun) => phaseOf(status) === 'waiting';
      await joinQueue(
        redis,
        tenant,
        own.filter(waits).map(({ id }) => id),
      );
      await leaveQueue(
        redis,
        tenant,
        own.filter((run) => !waits(run)).map(({ id }) => id),
      );
    }
  }

  async #queueDue(runs: readonly ActiveRun[]): Promise<void> {
    const { queue, log } = this.#context;
    const pending = runs.filter((run) => phaseOf(run.status) === 'waiting');
    const queued = await queue.has(pending.map((run) => ({ runId: run.id, attempt: run.nextAttempt })));
    for (const [i, run] of pending.entries()) {
      if (queued[i] !== false || run.lease !== 'none') continue;
      log.info({ runId: run.id, attempt: run.nextAttempt }, 'a waiting attempt had no job; it was queued again');
      announceMissed(this.#context, run);
      await queue.add(run.id, run.nextAttempt, run.retryAt === null ? 0 : run.retryAt - Date.now());
    }
  }

  async #renewIdempotency(runs: readonly ActiveRun[]): Promise<void> {
    const pipeline = this.#context.redis.pipeline();
    const { retentionMs } = this.#context;
    for (const { idempotency, status } of runs) {
      if (idempotency !== null && !isTerminal(status)) pipeline.pexpire(idempotency, retentionMs);
    }
    if (pipeline.length > 0) replies(await pipeline.exec());
  }

  /** Includes PENDING runs with a cancel, whose API process died before it wrote the end: their start ends them. */
  #adoptLost(run: ActiveRun): void {
    const { supervisor, launcher } = this.#context;
    const { id, status, lease, cancelled, nextAttempt } = run;
    const waits = phaseOf(status) === 'waiting';
    if (lease === 'owner' || isTerminal(status) || (waits && !cancelled)) return;
    if (supervisor.supervised.has(id) || this.#adopting.has(id)) return;
    const guards = !waits && custodyOf(run, run.imageAsked, launcher) === 'guard';
    if (guards && lease === 'guard') return;
    const supervise = () => (guards ? supervisor.guard(id) : supervisor.adopt(id));
    const work = waits ? supervisor.startAttempt(id, nextAttempt) : supervise();
    const adoption = work.finally(() => this.#adopting.delete(id));
    this.#adopting.set(id, adoption);
  }

  /** Removes containers, processes and Redis users of this installation that belong to no unfinished attempt. */
  async #removeLeftOver(): Promise<void> {
    const { launcher, access, log } = this.#context;
    const [found, opened] = [await launcher.list(), await access.opened()];
    const withAccess = new Set(opened.map(nameOf));
    const all = new Map([...found, ...opened].map((attempt) => [nameOf(attempt), attempt]));
    const unowned: string[] = [];
    for (const [name, attempt] of all) {
      const ownership = await this.#ownership(attempt);
      if (ownership === 'none') unowned.push(name);
      if (ownership === 'executing' && !withAccess.has(name)) await access.open(attempt.runId, attempt.attempt);
    }
    for (const one of this.#leftOver.note(unowned)) {
      const [id, number] = one.split(' ');
      const [runId, attempt] = [id as RunId, Number(number)];
      log.info({ runId, attempt }, 'found what an ended attempt left; removing it');
      const execution = await launcher.find(runId, attempt);
      await execution?.remove();
      await access.close(runId, attempt);
    }
  }

  /** `leased`: a supervisor works for the run, perhaps to start or to remove the attempt. */
  async #ownership({ runId, attempt }: ExecutingAttempt): Promise<'executing' | 'leased' | 'none'> {
    const { redis } = this.#context;
    const read = recordReplies(await redis.pipeline().hmget(recordKey(runId), 'status', 'attempt').exec());
    const [status, current] = (read[0] ?? []) as (string | null)[];
    const executing = status != null && phaseOf(status as RunStatus) === 'executing';
    if (executing && Number(current) === attempt) return 'executing';
    return (await redis.exists(leaseKey(runId))) === 0 ? 'none' : 'leased';
  }
}

const isTime = (value: string | null | undefined): boolean => !value || /^\d{1,15}$/.test(value);

const nameOf = ({ runId, attempt }: ExecutingAttempt): string => `${runId} ${attempt}`;
