/** What changes runs: startRun, cancelRun, retryRun, deleteRun. */
import { NotFound } from '../../domain/errors.ts';
import { parseRunId, type RunId } from '../../domain/ids.ts';
import type { RunSummary } from '../../domain/run.ts';
import { checkCancelReason, checkStartInput } from '../../domain/startInput.ts';
import { builder } from './builder.ts';
import { StartRunInput } from './runInputs.ts';
import { Run } from './runType.ts';

interface RunPayload {
  readonly run: RunSummary;
}

/** An id that is no UUID is not there. @throws NotFound */
export const requireRunId = (id: string): RunId => {
  const runId = parseRunId(id);
  if (runId === null) throw new NotFound();
  return runId;
};

const runPayload = (name: string, description: string, runDescription: string) =>
  builder.objectRef<RunPayload>(name).implement({
    description,
    fields: (t) => ({ run: t.field({ type: Run, resolve: ({ run }) => run, description: runDescription }) }),
  });

const StartRunPayload = runPayload('StartRunPayload', 'What startRun answers.', 'The run, as it is now.');
const CancelRunPayload = runPayload(
  'CancelRunPayload',
  'What cancelRun answers.',
  'The run as it is now; it may still be ending. A run that had ended is returned unchanged.',
);
const RetryRunPayload = runPayload('RetryRunPayload', 'A new run with the same input.', 'The new run.');

const CancelRunInput = builder.inputType('CancelRunInput', {
  description: 'Which run to cancel, and how.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'The run.' }),
    reason: t.string({ description: "For people; told in the run's end." }),
    force: t.boolean({ defaultValue: false, description: 'Kill at once, without the grace period.' }),
  }),
});
const RetryRunInput = builder.inputType('RetryRunInput', {
  description: 'Which run to run again.',
  fields: (t) => ({ runId: t.id({ required: true, description: 'The run.' }) }),
});
const DeleteRunInput = builder.inputType('DeleteRunInput', {
  description: 'Which run to remove.',
  fields: (t) => ({ runId: t.id({ required: true, description: 'The run.' }) }),
});

const DeleteRunPayload = builder.objectRef<{ readonly deletedRunId: RunId }>('DeleteRunPayload').implement({
  description: 'Removes a finished run and its log. A run that has not finished is a CONFLICT.',
  fields: (t) => ({ deletedRunId: t.exposeID('deletedRunId', { description: 'The run that is no more.' }) }),
});

builder.mutationField('startRun', (t) =>
  t.field({
    type: StartRunPayload,
    nullable: true,
    args: { input: t.arg({ type: StartRunInput, required: true, description: 'What to run.' }) },
    resolve: async (_root, { input }, { runs }) => ({ run: await runs.start(checkStartInput(input)) }),
    description: 'Accepts a run and queues it. It is stored when this answers.',
  }),
);

builder.mutationField('cancelRun', (t) =>
  t.field({
    type: CancelRunPayload,
    nullable: true,
    args: { input: t.arg({ type: CancelRunInput, required: true, description: 'Which run, and how.' }) },
    resolve: async (_root, { input }, { runs }) => ({
      run: await runs.cancel(requireRunId(input.runId), checkCancelReason(input.reason), input.force ?? false),
    }),
    description: `Asks a run to end: the image's STOPSIGNAL, else SIGTERM, to its command, and SIGKILL to all that is left
after the grace period. NOT_FOUND where there is none.`,
  }),
);

builder.mutationField('retryRun', (t) =>
  t.field({
    type: RetryRunPayload,
    nullable: true,
    args: { input: t.arg({ type: RetryRunInput, required: true, description: 'Which run.' }) },
    resolve: async (_root, { input }, { runs }) => ({ run: await runs.retry(requireRunId(input.runId)) }),
    description: 'Makes a new run with the same input, secrets included. NOT_FOUND where there is none.',
  }),
);

builder.mutationField('deleteRun', (t) =>
  t.field({
    type: DeleteRunPayload,
    nullable: true,
    args: { input: t.arg({ type: DeleteRunInput, required: true, description: 'Which run.' }) },
    resolve: async (_root, { input }, { runs }) => {
      const runId = requireRunId(input.runId);
      await runs.delete(runId);
      return { deletedRunId: runId };
    },
    description: 'Removes a finished run and its log. NOT_FOUND where there is none.',
  }),
);
