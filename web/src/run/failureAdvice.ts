/** What to try, for each way in which a run can fail. */
import type { FailureReason } from '../../../schema/generated/graphql.ts';

const ADVICE: Readonly<Record<string, string>> = {
  NONZERO_EXIT: 'Look at the last lines of the log, or press e for the next error.',
  SIGNALLED: 'The command was ended by a signal from outside the service. Look at the last lines of the log.',
  OUT_OF_MEMORY: 'Duplicate the run with more memory, or let the command use less.',
  TIMEOUT: 'Duplicate the run with a longer timeout, or look in the log for where it hung.',
  COMMAND_NOT_STARTED: 'Check the spelling of the program, and that the image contains it.',
  IMAGE_UNAVAILABLE: 'Check the name of the image, and that the service can pull it.',
  LAUNCH_FAILED: 'The container engine refused. Its reason is in the message; an operator can help.',
  EXECUTOR_LOST: 'The machine of the run was lost or its executor was killed. Retry the run.',
  EVICTED: 'The platform took the run away. Retry it.',
  UNSCHEDULABLE: 'No node had room for it. Ask for less CPU or memory, or retry later.',
};

/** The enum may grow: an unknown reason has a general advice. */
export const adviceFor = (reason: FailureReason): string => ADVICE[reason] ?? 'Look at the log, then retry the run.';
