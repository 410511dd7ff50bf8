/** Mutation.startRun, with its input and payload. */
import type { InputCheck } from '../../../domain/errors.ts';
import { checkStartInput, startInputProblems } from '../../../domain/startInput.ts';
import { builder } from '../base/builder.ts';
import { grantRunToken } from '../base/runTokenAsked.ts';
import { selectedArguments } from '../base/selectedArguments.ts';
import { LabelInput } from './label.ts';
import { ResourcesInput } from './resources.ts';
import { runPayload } from './runPayload.ts';

const EnvVarInput = builder.inputType('EnvVarInput', {
  description: 'One environment variable of the command.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Letters, digits and _, not beginning with a digit. The service sets RUN_ID, RUN_ATTEMPT and RUN_INPUT.',
    }),
    value: t.string({ required: true, description: 'Any string without NUL.' }),
    secret: t.boolean({
      defaultValue: false,
      description: "A secret's value is never returned by the API and is masked wherever the log shows it.",
    }),
  }),
});

const RetryInput = builder.inputType('RetryInput', {
  description: 'Whether an attempt that FAILED is followed by another. After COMMAND_NOT_STARTED none follows.',
  fields: (t) => ({
    maxAttempts: t.int({ required: true, description: 'The maximum number of attempts, 1 to 10.' }),
    backoffSeconds: t.int({
      defaultValue: 1,
      description: 'Seconds before the second attempt; doubles for each later one, up to one hour.',
    }),
  }),
});

const StartRunInput = builder.inputType('StartRunInput', {
  description: 'What to run, and how.',
  extensions: { problems: startInputProblems satisfies InputCheck },
  fields: (t) => ({
    name: t.string({ description: 'A name for people.' }),
    image: t.string({ description: "The container image. Default: the service's executor image." }),
    command: t.stringList({ required: true, description: 'Program and arguments. No shell is put around them.' }),
    input: t.field({ type: 'JSON', description: 'Given to the command as JSON in RUN_INPUT; at most 96 KiB.' }),
    env: t.field({ type: [EnvVarInput], description: 'Environment of the command. It overrides that of the image.' }),
    labels: t.field({ type: [LabelInput], description: 'To find the run by; see RunFilter.' }),
    timeoutSeconds: t.int({
      description: "Time limit of each attempt in seconds. Default: the operator's maximum, or no limit.",
    }),
    resources: t.field({ type: ResourcesInput, description: "Limits of the container. Default: the operator's." }),
    retry: t.field({ type: RetryInput, description: 'Default: one attempt.' }),
    idempotencyKey: t.string({
      description: `A second startRun with the same key and the same input returns the first run. With another input it is a
CONFLICT.`,
    }),
  }),
});

export const StartRunPayload = runPayload('StartRunPayload', 'What startRun returns.', 'The run as it is now.');

builder.mutationField('startRun', (t) =>
  t.field({
    authScopes: { right: 'Mutation.startRun' },
    type: StartRunPayload,
    nullable: true,
    args: { input: t.arg({ type: StartRunInput, required: true, description: 'What to run.' }) },
    resolve: async (_root, { input }, { caller, runs, admitStart }, info) => {
      // Before the start: the caller of a refused token would not learn the id of the run.
      for (const asked of selectedArguments(info, 'token')) grantRunToken(caller, asked);
      let repeated = true;
      const admit = async (): Promise<void> => {
        repeated = false;
        await admitStart();
      };
      const run = await runs.start(checkStartInput(input), admit);
      return { run, repeated };
    },
    description: 'Accepts a run and queues it. The run is stored before startRun returns.',
  }),
);
