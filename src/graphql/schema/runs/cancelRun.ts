/** Mutation.cancelRun, with its input and payload. */
import { requireRunId } from '../../../domain/ids.ts';
import { checkCancelReason } from '../../../domain/startInput.ts';
import { builder } from '../base/builder.ts';
import { runPayload } from './runPayload.ts';

const CancelRunInput = builder.inputType('CancelRunInput', {
  description: 'Which run to cancel, and how.',
  fields: (t) => ({
    runId: t.id({ required: true, description: 'Id of the run.' }),
    reason: t.string({ description: 'For people. RunFinished.message repeats it.' }),
    force: t.boolean({ defaultValue: false, description: 'Kill at once, without the grace period.' }),
  }),
});

const CancelRunPayload = runPayload(
  'CancelRunPayload',
  'What cancelRun returns.',
  'The run as it is now. It can still be ending. A run that had already ended is returned unchanged.',
);

builder.mutationField('cancelRun', (t) =>
  t.field({
    authScopes: { right: 'Mutation.cancelRun' },
    type: CancelRunPayload,
    nullable: true,
    args: { input: t.arg({ type: CancelRunInput, required: true, description: 'Which run, and how.' }) },
    resolve: async (_root, { input }, { runs }) => ({
      run: await runs.cancel(requireRunId(input.runId), checkCancelReason(input.reason), input.force ?? false),
    }),
    description: `Asks a run to end. Its command gets the image's STOPSIGNAL, or SIGTERM if the image has none. All processes that
are left after the grace period get SIGKILL. NOT_FOUND if there is no such run.`,
  }),
);
