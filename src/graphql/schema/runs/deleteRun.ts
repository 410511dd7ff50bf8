/** Mutation.deleteRun, with its input and payload. */
import { type RunId, requireRunId } from '../../../domain/ids.ts';
import { builder } from '../base/builder.ts';

const DeleteRunInput = builder.inputType('DeleteRunInput', {
  description: 'Which run to remove.',
  fields: (t) => ({ runId: t.id({ required: true, description: 'Id of the run.' }) }),
});

const DeleteRunPayload = builder.objectRef<{ readonly deletedRunId: RunId }>('DeleteRunPayload').implement({
  description: 'What deleteRun returns.',
  fields: (t) => ({ deletedRunId: t.exposeID('deletedRunId', { description: 'Id of the run that was removed.' }) }),
});

builder.mutationField('deleteRun', (t) =>
  t.field({
    authScopes: { right: 'Mutation.deleteRun' },
    type: DeleteRunPayload,
    nullable: true,
    args: { input: t.arg({ type: DeleteRunInput, required: true, description: 'Which run.' }) },
    resolve: async (_root, { input }, { runs }) => {
      const runId = requireRunId(input.runId);
      await runs.delete(runId);
      return { deletedRunId: runId };
    },
    description:
      'Removes a finished run and its log. CONFLICT if the run has not finished, NOT_FOUND if there is no such run.',
  }),
);
