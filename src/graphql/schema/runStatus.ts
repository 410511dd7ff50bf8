/** RunStatus, FailureReason and RunFailure. */
import type { Failure } from '../../domain/run.ts';
import { builder } from './builder.ts';

export const RunStatus = builder.enumType('RunStatus', {
  description: 'Where a run is in its life; this enum will not grow. Terminal: COMPLETED, FAILED, CANCELLED.',
  values: {
    PENDING: { description: 'Accepted and queued, or waiting between two attempts.' },
    STARTING: { description: 'An executor container is being created.' },
    RUNNING: { description: 'The executor has reported in and the command runs.' },
    COMPLETED: { description: 'The command exited 0.' },
    FAILED: { description: 'It ended any other way; Run.failure says how.' },
    CANCELLED: { description: 'It was cancelled before it ended by itself.' },
  } as const,
});

export const FailureReason = builder.enumType('FailureReason', {
  description: 'Why a run FAILED, as data, the same on every launcher. This enum may grow.',
  values: {
    NONZERO_EXIT: { description: 'The command exited with a non-zero code.' },
    SIGNALLED: { description: 'A signal that nobody here sent ended the command.' },
    OUT_OF_MEMORY: { description: 'The kernel killed the command or the container for memory.' },
    TIMEOUT: { description: 'timeoutSeconds passed.' },
    COMMAND_NOT_STARTED: { description: 'The command could not be started (not found, not executable).' },
    IMAGE_UNAVAILABLE: { description: 'The image could not be had.' },
    LAUNCH_FAILED: { description: 'The engine refused or failed to start the container.' },
    EXECUTOR_LOST: { description: 'The executor went away without a last word (killed, host lost, evicted).' },
  } as const,
});

export const RunFailure = builder.objectRef<Failure>('RunFailure').implement({
  description: 'Why a run or an attempt FAILED.',
  fields: (t) => ({
    reason: t.expose('reason', { type: FailureReason, description: 'The cause, for programs.' }),
    message: t.exposeString('message', { description: 'One sentence for a person.' }),
    signal: t.exposeString('signal', {
      nullable: true,
      description: 'Name of the signal, such as SIGKILL, where one ended it.',
    }),
  }),
});
