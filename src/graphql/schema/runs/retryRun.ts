/** Mutation.retryRun, with its input and payload. */
import { requireRunId } from '../../../domain/ids.ts';
import { builder } from '../base/builder.ts';
import { runPayload } from './runPayload.ts';

const RetryRunInput = builder.inputType('RetryRunInput', {
  description: 'Which run to repeat.',
  fields: (t) => ({ runId: t.id({ required: true, description: 'Id of the run.' }) }),
});

const RetryRunPayload = runPayload(
  'RetryRunPayload',
  'What retryRun returns: a new run with the same input.',
  'The new run.',
);

builder.mutationField('retryRun', (t) =>
  t.field({
    authScopes: { right: 'Mutation.retryRun' },
    type: RetryRunPayload,
    nullable: true,
    args: { input: t.arg({ type: RetryRunInput, required: true, description: 'Which run.' }) },
    resolve: async (_root, { input }, { runs, admitStart }) => ({
      run: await runs.retry(requireRunId(input.runId), admitStart),
    }),
    description: 'Makes a new run with the same input, secrets included. NOT_FOUND if there is no such run.',
  }),
);
