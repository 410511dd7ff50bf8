/** RunFailure and FailureReason. */
import type { Failure } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';

export const FailureReason = builder.enumType('FailureReason', {
  description: 'Why a run FAILED, as data, the same on every launcher. This enum may grow.',
  values: {
    NONZERO_EXIT: { description: 'The command exited with a non-zero code.' },
    SIGNALLED: { description: 'A signal that the service did not send ended the command.' },
    OUT_OF_MEMORY: { description: 'The kernel killed the command or the container because it ran out of memory.' },
    TIMEOUT: { description: 'The attempt took longer than timeoutSeconds.' },
    COMMAND_NOT_STARTED: { description: 'The command could not be started (not found, not executable).' },
    IMAGE_UNAVAILABLE: { description: 'The image could not be obtained.' },
    LAUNCH_FAILED: { description: 'The engine refused or failed to start the container.' },
    EXECUTOR_LOST: {
      description: 'The executor disappeared without reporting an end (killed, host lost, evicted).',
    },
  } as const,
});

export const RunFailure = builder.objectRef<Failure>('RunFailure').implement({
  description: 'Why a run or an attempt FAILED.',
  fields: (t) => ({
    reason: t.expose('reason', { type: FailureReason, description: 'The cause, for programs.' }),
    message: t.exposeString('message', { description: 'One sentence for a person.' }),
    signal: t.exposeString('signal', {
      nullable: true,
      description: 'Name of the signal that ended the command, such as SIGKILL; null if none did.',
    }),
  }),
});
