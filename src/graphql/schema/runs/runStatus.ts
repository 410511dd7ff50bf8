/** RunStatus. */
import { builder } from '../base/builder.ts';

export const RunStatus = builder.enumType('RunStatus', {
  description: 'The state of a run. This enum will not grow. Terminal: COMPLETED, FAILED, CANCELLED.',
  values: {
    PENDING: { description: 'Accepted and queued, or waiting between two attempts.' },
    STARTING: { description: 'An executor container is being created.' },
    RUNNING: { description: 'The executor has reported in and the command runs.' },
    COMPLETED: { description: 'The command exited with code 0.' },
    FAILED: { description: 'The run ended in any other way; Run.failure says how.' },
    CANCELLED: { description: 'The run was cancelled before it ended by itself.' },
  } as const,
});
