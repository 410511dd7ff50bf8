/** Stage 6, the pure part: how an attempt ended. What was asked first decides. */
import type { EpochMs } from '../../src/domain/events.ts';
import type { AttemptEnd, Failure } from '../../src/domain/run.ts';
import type { Exit } from '../command/spawner.ts';

/** A cancel as the record has it, by Redis' clock. */
export interface Cancel {
  readonly at: EpochMs;
  readonly reason: string | null;
  readonly force: boolean;
}

/** What this executor did to its command before any exit: it ran too long, or a SIGTERM came from outside. */
export type Cut = 'timeout' | 'stop';

export interface Outcome {
  /** By Redis' clock: when it was cut, else when it exited or failed to start. */
  readonly at: EpochMs;
  readonly cut: Cut | null;
  /** Null where the command never ran. */
  readonly exit: Exit | null;
  /** Why it could not be started, a sentence; null where it could, or where nobody tried. */
  readonly notStarted: string | null;
  /**
   * A cancel was heard of before the exit and before any cut. The instants alone don't tell it: they are compared
   * by Redis' clock as it is known here, which a loaded machine makes wrong by some milliseconds.
   */
  readonly cancelFirst?: boolean;
  /** Whether the kernel killed for memory in the container while the command ran. */
  readonly outOfMemory: boolean;
}

/**
 * The end of the attempt. A cancel that was heard of first, or asked for at `outcome.at` or earlier, makes it CANCELLED,
 * whatever the command did then; a later one changes nothing.
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

const failureOf = ({ cut, exit, notStarted, outOfMemory }: Outcome, timeoutSeconds: number | null): Failure | null => {
  const signal = exit?.signal ?? null;
  if (notStarted !== null) return { reason: 'COMMAND_NOT_STARTED', message: notStarted, signal: null };
  if (cut === 'timeout') {
    const seconds = timeoutSeconds ?? 0;
    return {
      reason: 'TIMEOUT',
      message: `The timeout of ${seconds} second${seconds === 1 ? '' : 's'} passed.`,
      signal,
    };
  }
  // An exit with 0 after that is a clean stop, and no completion.
  if (cut === 'stop') {
    return { reason: 'SIGNALLED', message: 'The executor was told to stop (SIGTERM).', signal: signal ?? 'SIGTERM' };
  }
  if (exit === null || exit.code === 0) return null;
  if (exit.code === null && signal === null) {
    return { reason: 'SIGNALLED', message: 'The command was ended by a real-time signal.', signal: null };
  }
  if (outOfMemory && (signal === null || signal === 'SIGKILL')) {
    return { reason: 'OUT_OF_MEMORY', message: 'The kernel killed the command for memory.', signal };
  }
  if (signal !== null) return { reason: 'SIGNALLED', message: `The command was ended by ${signal}.`, signal };
  return { reason: 'NONZERO_EXIT', message: `The command exited with code ${exit.code}.`, signal: null };
};
