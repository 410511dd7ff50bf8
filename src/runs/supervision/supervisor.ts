/**
 * Supervises attempts: starts them, waits for their end, and writes the end where the executor could not. Safe to run
 * twice for one attempt, in this process or another: the lease allows one supervisor at a time.
 */

import { pause } from '../../async/pause.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunRecord } from '../../domain/run.ts';
import { phaseOf } from '../../domain/runStates.ts';
import { packLog } from '../../log/pack.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { persist } from '../../redis/wait.ts';
import { forgetActive, leaveActive } from '../records/indexes.ts';
import { readRun } from '../records/store.ts';
import { type AttemptContext, AttemptWork } from './attempts.ts';
import { ChangeRelay } from './changes.ts';
import { type Lease, LeaseLost, takeLease } from './lease.ts';
import { Lingering } from './lingering.ts';
import type { AttemptQueue } from './queue.ts';

/** Pause between two tries for a lease that the attempt before still holds. */
const LEASE_RETRY_MS = 250;

export interface SupervisorContext extends Omit<AttemptContext, 'lingering'> {
  readonly queue: AttemptQueue;
  readonly metrics: Metrics;
  /** Executors of ended attempts, at most; above it an ended attempt keeps its place of the queue. Default: no limit. */
  readonly mostLingering?: number;
  /** Part of the leases' names: it differs between processes. */
  readonly processId: string;
}

export class Supervisor {
  readonly #context: SupervisorContext & AttemptContext;
  /** Ends all supervision; runs and containers go on. */
  readonly #signal: AbortSignal;
  #leases = 0;
  readonly #supervised = new Set<RunId>();

  constructor(context: SupervisorContext, signal: AbortSignal) {
    const { mostLingering = Number.POSITIVE_INFINITY } = context;
    this.#context = { ...context, lingering: new Lingering(mostLingering) };
    this.#signal = signal;
    context.metrics.gauge('supervisedRuns', () => this.#supervised.size);
  }

  /** The runs that this process supervises now. */
  get supervised(): ReadonlySet<RunId> {
    return this.#supervised;
  }

  /**
   * Starts the attempt of a PENDING run and resolves at its end; at once where there is nothing to start. Never throws.
   */
  async startAttempt(runId: RunId, attempt: number): Promise<void> {
    await this.#guarded(runId, async () => {
      const lease = await this.#leaseToStart(runId, attempt);
      if (lease === null) return;
      this.#context.metrics.count('attemptsStarted');
      await this.#under(lease, { runId, adopts: false }, (work) => work.start(attempt));
    });
    await this.#context.lingering.untilRoom();
  }

  /** Takes over a run without a supervisor and resolves at its attempt's end; at once where it has one. Never throws. */
  async adopt(runId: RunId): Promise<void> {
    await this.#guarded(runId, async () => {
      const lease = await this.#lease(runId, false);
      if (lease === null) return;
      this.#context.metrics.count('attemptsAdopted');
      await this.#under(lease, { runId, adopts: true }, (work) => work.adopt());
    });
  }

  /**
   * Guards a run without a supervisor whose engine this process does not see. Resolves when the attempt has ended, or when
   * a process that sees the engine takes the run over. Never throws.
   */
  async guard(runId: RunId): Promise<void> {
    await this.#guarded(runId, async () => {
      const lease = await this.#lease(runId, true);
      if (lease !== null) await this.#under(lease, { runId, adopts: true }, (work) => work.guard());
    });
  }

  async #guarded(runId: RunId, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#signal.aborted) return;
      const { log } = this.#context;
      if (error instanceof LeaseLost) log.info({ runId }, 'another process supervises the run now');
      else log.error({ err: error, runId }, 'supervision failed; the reconciler will take the run over');
    }
  }

  async #lease(runId: RunId, guards: boolean): Promise<Lease | null> {
    this.#leases += 1;
    const name = `${this.#context.processId}:${this.#leases}`;
    return await takeLease(this.#context, { runId, name, guards }, this.#signal);
  }

  /** Waits for the lease as long as the attempt is still to be started: the attempt before can hold it for a moment. */
  async #leaseToStart(runId: RunId, attempt: number): Promise<Lease | null> {
    for (;;) {
      const lease = await this.#lease(runId, false);
      if (lease !== null) return lease;
      const run = await this.#read(runId);
      if (run === null || phaseOf(run.status) !== 'waiting' || run.nextAttempt !== attempt) return null;
      await pause(LEASE_RETRY_MS, this.#signal);
    }
  }

  async #under(
    lease: Lease,
    { runId, adopts }: { readonly runId: RunId; readonly adopts: boolean },
    task: (work: AttemptWork) => Promise<void>,
  ): Promise<void> {
    this.#supervised.add(runId);
    const changes = new ChangeRelay(this.#context, runId, adopts);
    try {
      const signal = AbortSignal.any([this.#signal, lease.lost]);
      await task(new AttemptWork(this.#context, runId, signal, this.#signal));
    } finally {
      this.#supervised.delete(runId);
      void changes.end({ atOnce: this.#signal.aborted || lease.lost.aborted });
      await lease.release();
    }
    await this.#settle(runId);
  }

  /** After the lease is free: makes the next attempt's job, or removes a finished run from the unfinished ones. */
  async #settle(runId: RunId): Promise<void> {
    const { redis, queue, log, losses, lingering } = this.#context;
    // Before the log is packed: the end is kept with the bytes of its writer.
    await losses.keepEnd(runId, lingering.of(runId));
    const run = await this.#read(runId);
    if (run === null || isTerminal(run.status)) {
      const leave = () => (run === null ? forgetActive(redis, [runId]) : leaveActive(redis, run.tenant, [runId]));
      await persist<unknown>(leave, this.#signal, log);
      // Packing only saves memory: after a failure the log stays as it is.
      await packLog(redis, runId).catch((error: unknown) => log.info({ err: error, runId }, 'could not pack a log'));
    } else if (phaseOf(run.status) === 'waiting') {
      const delayMs = run.retryAt === null ? 0 : run.retryAt - Date.now();
      await persist(() => queue.add(runId, run.nextAttempt, delayMs), this.#signal, log);
    }
  }

  #read(runId: RunId): Promise<RunRecord | null> {
    return persist(() => readRun(this.#context.redis, runId), this.#signal, this.#context.log);
  }
}
