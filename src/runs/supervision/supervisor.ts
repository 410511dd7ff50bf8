/**
 * Supervises attempts: starts them, waits for their end, and writes the end where the executor could not.
 * Safe to run twice on one attempt, in this process or another: the lease keeps it to one at a time, and
 * where that fails the log's terms and the launcher's idempotence do.
 */

import { pause } from '../../async/pause.ts';
import type { Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunRecord } from '../../domain/run.ts';
import type { Execution } from '../../launchers/launcher.ts';
import { packLog } from '../../log/pack.ts';
import { persist } from '../../redis/wait.ts';
import { toldHead } from '../lossyRedis/heads.ts';
import type { LostTails } from '../lossyRedis/lostTails.ts';
import { ACTIVE_RUNS } from '../records/indexKeys.ts';
import { readRun } from '../records/store.ts';
import { type ExecutionContext, untilEnd, untilGone } from './awaitEnd.ts';
import { type Evidence, hasEnded, NO_EVIDENCE, writeCancelledPending, writeEnd } from './ending.ts';
import { type LaunchContext, launchAttempt } from './launch.ts';
import { type Lease, LeaseLost, takeLease } from './lease.ts';
import type { AttemptQueue } from './queue.ts';
import { claimRun, type LogExtent, type RunWriter } from './runWriter.ts';

/** Between two tries for a lease that the attempt before still holds. */
const LEASE_RETRY_MS = 250;

export interface SupervisorContext extends LaunchContext, ExecutionContext {
  readonly queue: AttemptQueue;
  /** How far viewers here have been led in a run's log; null where there are none. */
  readonly followedTo?: (runId: RunId) => Seq | null;
  /** Null where Redis loses nothing that it has acknowledged. */
  readonly lostTails?: LostTails | null;
  /** More executors of ended attempts than this keep a place of the queue (policy: block); default: no bound. */
  readonly mostLingering?: number;
  /** Tells this process' leases from others'. */
  readonly processId: string;
}

export class Supervisor {
  readonly #context: SupervisorContext;
  /** Ends all supervision without touching runs or containers. */
  readonly #signal: AbortSignal;
  #leases = 0;
  readonly #supervised = new Set<RunId>();
  /** Executors of ended attempts that only linger. They take no place of the queue's. */
  readonly #lingering = new Map<RunId, Promise<void>>();

  constructor(context: SupervisorContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** The runs that this process supervises now. */
  get supervised(): ReadonlySet<RunId> {
    return this.#supervised;
  }

  /** Starts the attempt of a PENDING run and stays with it to its end; at once where it is nothing to start. Never throws. */
  async startAttempt(runId: RunId, attempt: number): Promise<void> {
    await this.#guarded(runId, async () => {
      const lease = await this.#leaseToStart(runId, attempt);
      if (lease !== null) await this.#under(lease, runId, (signal) => this.#start(runId, attempt, signal));
    });
    await this.#roomToLinger();
  }

  /** Takes over a run that nobody supervises; at once where somebody does. Never throws. */
  async adopt(runId: RunId): Promise<void> {
    await this.#guarded(runId, async () => {
      const lease = await this.#lease(runId);
      if (lease !== null) await this.#under(lease, runId, (signal) => this.#adopt(runId, signal));
    });
  }

  async #guarded(runId: RunId, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#signal.aborted) return;
      if (error instanceof LeaseLost) this.#context.log.warn({ runId }, error.message);
      else this.#context.log.error({ err: error, runId }, 'supervision failed; the reconciler takes the run up again');
    }
  }

  async #lease(runId: RunId): Promise<Lease | null> {
    this.#leases += 1;
    return await takeLease(this.#context, runId, `${this.#context.processId}:${this.#leases}`, this.#signal);
  }

  /** Waits for the lease while the attempt is still to be started: the one before may be cleaning up. */
  async #leaseToStart(runId: RunId, attempt: number): Promise<Lease | null> {
    for (;;) {
      const lease = await this.#lease(runId);
      if (lease !== null) return lease;
      const run = await this.#read(runId, this.#signal);
      if (run === null || run.status !== 'PENDING' || run.nextAttempt !== attempt) return null;
      await pause(LEASE_RETRY_MS, this.#signal);
    }
  }

  async #under(lease: Lease, runId: RunId, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#supervised.add(runId);
    try {
      await work(AbortSignal.any([this.#signal, lease.lost]));
    } finally {
      this.#supervised.delete(runId);
      await lease.release();
    }
    await this.#settle(runId);
  }

  /** After the lease is free: the next attempt's job, or the run's leave from the unfinished ones. */
  async #settle(runId: RunId): Promise<void> {
    const { redis, queue, log } = this.#context;
    // Before the log is packed: what is kept is the end as its writer wrote it.
    await this.#context.lostTails?.endings.keep(runId, this.#lingering.get(runId) ?? null);
    const run = await this.#read(runId, this.#signal);
    if (run === null || isTerminal(run.status)) {
      await persist(() => redis.zrem(ACTIVE_RUNS, runId), this.#signal, log);
      // Only saves memory: where it fails, the log stays as it is.
      await packLog(redis, runId).catch((error: unknown) => log.info({ err: error, runId }, 'a log was not packed'));
    } else if (run.status === 'PENDING') {
      const delayMs = run.retryAt === null ? 0 : run.retryAt - Date.now();
      await persist(() => queue.add(runId, run.nextAttempt, delayMs), this.#signal, log);
    }
  }

  async #start(runId: RunId, attempt: number, signal: AbortSignal): Promise<void> {
    const writing = { ...this.#context, signal };
    if (this.#context.lostTails) await this.#settled(runId, signal);
    for (;;) {
      const claimed = await claimRun(writing, runId, { attempt, statuses: ['PENDING'] });
      if (claimed.code !== 'OK') return;
      const { run, writer } = claimed;
      const seen = await this.#farthest(run, null, signal);
      if (seen !== null) writer.goOnAfter(seen);
      if (run.cancelRequestedAt !== null) {
        await writeCancelledPending(writer, run);
        return;
      }
      const code = await writer.write(
        [{ kind: 'StatusChanged', timestamp: Date.now(), status: 'STARTING', previous: 'PENDING', detail: null }],
        {
          attempt,
          changes: { status: 'STARTING', attempt, exitCode: null, failure: null, digest: null, retryAt: null },
          knownCancel: null,
        },
      );
      if (code === 'OK') return await this.#launch(run, attempt, writer, signal);
      if (code !== 'CANCEL') return;
    }
  }

  async #adopt(runId: RunId, signal: AbortSignal): Promise<void> {
    const { launcher, log } = this.#context;
    for (;;) {
      const run = await this.#settled(runId, signal);
      if (run === null) return;
      const { attempt } = run;
      if (run.status === 'RUNNING') {
        log.info({ runId, attempt }, 'adopting a running attempt');
        const execution = await persist(() => launcher.find(runId, attempt), signal, log);
        if (execution === null) return await this.#end(runId, attempt, NO_EVIDENCE, signal);
        return await this.#follow(run, attempt, execution, signal);
      }
      if (run.status !== 'STARTING') return;
      log.info({ runId, attempt }, 'adopting an attempt that is starting');
      // An executor that has claimed the log must not be fenced: it is about to report in.
      if (!run.writer.startsWith('supervisor:')) return await this.#launch(run, attempt, null, signal);
      const claimed = await claimRun({ ...this.#context, signal }, runId, {
        attempt,
        statuses: ['STARTING'],
        fromTerm: run.term,
      });
      if (claimed.code !== 'OK') continue;
      const seen = await this.#farthest(claimed.run, null, signal);
      if (seen !== null) claimed.writer.goOnAfter(seen);
      return await this.#launch(claimed.run, attempt, claimed.writer, signal);
    }
  }

  async #launch(run: RunRecord, attempt: number, writer: RunWriter | null, signal: AbortSignal): Promise<void> {
    const launched = await launchAttempt(this.#context, run, attempt, writer, signal);
    if (launched.kind === 'launched') return await this.#follow(run, attempt, launched.execution, signal);
    const launchError = launched.kind === 'failed' ? launched.error : null;
    await this.#end(run.id, attempt, { ...NO_EVIDENCE, launchError }, signal);
    // A launch removes what it began itself, not what it found of an earlier supervisor's.
    await this.#remove(run.id, async () => await (await this.#context.launcher.find(run.id, attempt))?.remove());
  }

  async #follow(run: RunRecord, attempt: number, execution: Execution, signal: AbortSignal): Promise<void> {
    const evidence = await untilEnd(this.#context, run, attempt, execution, signal);
    if (evidence === null) return this.#letLinger(run, execution);
    await this.#end(run.id, attempt, evidence, signal);
    await this.#remove(run.id, () => execution.remove());
  }

  /** The attempt has its end: from here on nobody waits for its executor, and its place is free. */
  #letLinger(run: RunRecord, execution: Execution): void {
    const gone = this.#remove(run.id, () => untilGone(run, execution, this.#signal)).finally(() => {
      if (this.#lingering.get(run.id) === gone) this.#lingering.delete(run.id);
    });
    this.#lingering.set(run.id, gone);
  }

  /** Short runs in a row would else fill the machine with executors that linger. */
  async #roomToLinger(): Promise<void> {
    const { mostLingering = Number.POSITIVE_INFINITY } = this.#context;
    while (this.#lingering.size > mostLingering) await this.#lingering.values().next().value;
  }

  /** What cannot be removed now is found by the reconciler. */
  async #remove(runId: RunId, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.#context.log.warn({ err: error, runId }, 'what an attempt left is not removed yet');
    }
  }

  /** Writes the attempt's end unless it has one. */
  async #end(runId: RunId, attempt: number, evidence: Evidence, signal: AbortSignal): Promise<void> {
    for (;;) {
      const run = await this.#settled(runId, signal);
      if (run === null || hasEnded(run, attempt) || run.attempt !== attempt || run.status === 'PENDING') return;
      const claimed = await claimRun({ ...this.#context, signal }, runId, {
        attempt,
        statuses: ['STARTING', 'RUNNING'],
      });
      if (claimed.code !== 'OK') continue;
      const seen = await this.#farthest(claimed.run, evidence.seen, signal);
      const code = await writeEnd(claimed.writer, claimed.run, attempt, { ...evidence, seen });
      if (code === 'OK') return;
    }
  }

  /**
   * A Redis that lost its tail shows less than was seen, by the last look here or by those who follow, in this
   * process or another.
   */
  async #farthest(run: RunRecord, seen: LogExtent | null, signal: AbortSignal): Promise<LogExtent | null> {
    const { followedTo, lostTails, redis, log } = this.#context;
    const told = lostTails ? await persist(() => toldHead(redis, run.id), signal, log) : 0;
    const head = Math.max(followedTo?.(run.id) ?? 0, told);
    if (head <= (seen?.lastSeq ?? 0)) return seen;
    const { lines, bytes } = seen ?? run;
    return { lastSeq: head, lines, bytes };
  }

  /** The record, once what it shows can be relied upon. */
  async #settled(runId: RunId, signal: AbortSignal): Promise<RunRecord | null> {
    const { settling } = this.#context.lostTails ?? {};
    for (;;) {
      const run = await this.#read(runId, signal);
      if (run === null || !settling?.doubtful(run)) return run;
      await settling.settled(run, signal);
    }
  }

  #read(runId: RunId, signal: AbortSignal): Promise<RunRecord | null> {
    return persist(() => readRun(this.#context.redis, runId), signal, this.#context.log);
  }
}
