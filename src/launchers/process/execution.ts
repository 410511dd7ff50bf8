/** The executor process of one attempt, after its start: this process' own child, or an earlier service's. */
import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from '../../async/abortable.ts';
import type { RunId } from '../../domain/ids.ts';
import { findByEnvironment, isRunning, type ProcessIdentity, sendSignal } from '../../system/processIdentity.ts';
import { attemptVariables } from '../../wire/executorOrders.ts';
import type { Execution, ExitReport } from '../launcher.ts';

const UNKNOWN: ExitReport = { exitCode: null, signal: null, outOfMemory: false };
/** How often a process that is not this one's child is looked at. */
const POLL_MS = 100;
/** Rounds of killing a run's processes: each one can find what was forked during the round before. */
const SWEEPS = 20;

export interface ProcessExecutionOptions {
  readonly runId: RunId;
  readonly attempt: number;
  /** Null: no executor runs, since the starter died before. */
  readonly executor: ProcessIdentity | null;
  /** How this process' own child ended; null where it is another's. */
  readonly exit: Promise<ExitReport> | null;
  /** Removes the attempt's files; called when nothing of it runs. */
  readonly removeState: () => Promise<void>;
}

export class ProcessExecution implements Execution {
  readonly #options: ProcessExecutionOptions;

  constructor(options: ProcessExecutionOptions) {
    this.#options = options;
  }

  async wait(signal: AbortSignal): Promise<ExitReport> {
    signal.throwIfAborted();
    const { exit, executor } = this.#options;
    if (exit !== null) return abortable(exit, signal);
    while (executor !== null && isRunning(executor)) {
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
    return UNKNOWN;
  }

  async stop(graceMs: number): Promise<void> {
    const { executor } = this.#options;
    if (executor !== null && isRunning(executor)) {
      const ended = new AbortController();
      const waited = this.wait(ended.signal).then(
        () => true,
        () => false,
      );
      if (graceMs > 0) {
        sendSignal(executor.pid, 'SIGTERM');
        await Promise.race([waited, delay(graceMs, undefined, { signal: ended.signal }).catch(() => undefined)]);
      }
      if (isRunning(executor)) sendSignal(-executor.pid, 'SIGKILL');
      await waited;
      ended.abort();
    }
    await this.#sweep();
  }

  async remove(): Promise<void> {
    await this.stop(0);
    await this.#options.removeState();
  }

  /** Kills every process that has the run in its environment. */
  async #sweep(): Promise<void> {
    const { runId, attempt } = this.#options;
    for (let round = 0; round < SWEEPS; round += 1) {
      const left = await findByEnvironment(attemptVariables(runId, attempt));
      if (left.length === 0) return;
      for (const pid of left) sendSignal(pid, 'SIGKILL');
      await delay(10);
    }
  }
}
