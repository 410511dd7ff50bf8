/** How an attempt ended. What was asked first decides (PROTOCOL.md, W6). Pure. */
import type { EpochMs } from '../../src/domain/events.ts';
import type { AttemptEnd, Failure } from '../../src/domain/run.ts';
import type { Exit } from '../command/spawner.ts';

/** A cancel as the record has it. */
export interface Cancel {
  /** By the clock of Redis. */
  readonly at: EpochMs;
  readonly reason: string | null;
  readonly force: boolean;
}

/** Why the executor stopped its command: the run's timeout, or a SIGTERM to the executor. */
export type StopCause = 'timeout' | 'stop';

export interface Outcome {
  /** When the executor stopped the command, else when the command exited or failed to start. By the clock of Redis. */
  readonly at: EpochMs;
  /** Null if the executor did not stop the command before its exit. */
  readonly stopCause: StopCause | null;
  /** Null if the command did not run. */
  readonly exit: Exit | null;
  /** Why the command could not be started, a sentence. Null if it was started or was not to be started. */
  readonly notStarted: string | null;
  /**
   * The executor noticed a cancel before the exit and before it stopped the command. Comparing instants is not enough:
   * on a loaded machine RedisClock is off by some milliseconds.
   */
  readonly cancelFirst?: boolean;
  /** The kernel killed a process of the container for memory while the command ran. */
  readonly outOfMemory: boolean;
}

/**
 * The end of the attempt. It is CANCELLED if the cancel came first: it was noticed first, or is not later than
 * `outcome.at`. What the command did then does not matter. A later cancel changes nothing.
 */
export const endOf = (
  outcome: Outcome,
  cancel: Cancel | null,
  run: { readonly timeoutSeconds: number | null },
  digest: string | null,
): AttemptEnd => {
  const exitCode = outcome.exit?.code ?? null;
  if (cancel !== null && (outcome.cancelFirst === true || cancel.at <= outcome.at)) {
    return { status: 'CANCELLED', exitCode, failure: null, cancelReason: cancel.reason, digest };
  }
  const failure = failureOf(outcome, run.timeoutSeconds);
  return { status: failure === null ? 'COMPLETED' : 'FAILED', exitCode, failure, cancelReason: null, digest };
};

const failureOf = (
  { stopCause, exit, notStarted, outOfMemory }: Outcome,
  timeoutSeconds: number | null,
): Failure | null => {
  const signal = exit?.signal ?? null;
  if (notStarted !== null) return { reason: 'COMMAND_NOT_STARTED', message: notStarted, signal: null };
  if (stopCause === 'timeout') return { reason: 'TIMEOUT', message: timeoutMessage(timeoutSeconds ?? 0), signal };
  // Even if the command then exits with 0: it was stopped and did not complete.
  if (stopCause === 'stop') {
    return { reason: 'SIGNALLED', message: 'The executor was told to stop (SIGTERM).', signal: signal ?? 'SIGTERM' };
  }
  if (exit === null || exit.code === 0) return null;
  if (exit.code === null && signal === null) {
    return { reason: 'SIGNALLED', message: 'The command was killed by a real-time signal.', signal: null };
  }
  if (outOfMemory && (signal === null || signal === 'SIGKILL')) {
    return { reason: 'OUT_OF_MEMORY', message: 'The kernel killed the command because memory ran out.', signal };
  }
  if (signal !== null) return { reason: 'SIGNALLED', message: `The command was killed by ${signal}.`, signal };
  return { reason: 'NONZERO_EXIT', message: `The command exited with code ${exit.code}.`, signal: null };
};

const timeoutMessage = (seconds: number): string =>
  `The timeout of ${seconds} second${seconds === 1 ? '' : 's'} passed.`;
