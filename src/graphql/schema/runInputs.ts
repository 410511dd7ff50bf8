/** The inputs of startRun and the filter over runs. */

import type { InputCheck } from '../../domain/errors.ts';
import { startInputProblems } from '../../domain/startInput.ts';
import { builder } from './builder.ts';
import { RunStatus } from './runStatus.ts';

const EnvVarInput = builder.inputType('EnvVarInput', {
  description: 'One environment variable of the command.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'Letters, digits and _, no digit first. RUN_ID, RUN_ATTEMPT and RUN_INPUT are set by the service.',
    }),
    value: t.string({ required: true, description: 'Any text without NUL.' }),
    secret: t.boolean({
      defaultValue: false,
      description: "A secret's value is never returned by the API and is masked wherever the log shows it.",
    }),
  }),
});

const LabelInput = builder.inputType('LabelInput', {
  description: 'A name and a value, to find runs by.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Not empty, and once per run.' }),
    value: t.string({ required: true, description: 'Any text, or an empty one.' }),
  }),
});

const ResourcesInput = builder.inputType('ResourcesInput', {
  description: 'What the run may use at most.',
  fields: (t) => ({
    cpus: t.float({ description: 'CPU cores, such as 0.5.' }),
    memoryMb: t.int({ description: 'Memory in units of 1024 x 1024 bytes; 64 at least, which the executor needs.' }),
  }),
});

const RetryInput = builder.inputType('RetryInput', {
  description: 'Whether an attempt that FAILED is followed by another.',
  fields: (t) => ({
    maxAttempts: t.int({ required: true, description: 'Attempts in all, 1 to 10.' }),
    backoffSeconds: t.int({
      defaultValue: 1,
      description: 'Seconds before the second attempt; doubles for each later one.',
    }),
  }),
});

export const StartRunInput = builder.inputType('StartRunInput', {
  description: 'What to run, and how.',
  extensions: { problems: startInputProblems satisfies InputCheck },
  fields: (t) => ({
    name: t.string({ description: 'For people.' }),
    image: t.string({ description: "Defaults to the service's executor image." }),
    command: t.stringList({ required: true, description: 'Program and arguments; no shell is put around it.' }),
    input: t.field({ type: 'JSON', description: 'Given to the command as JSON in RUN_INPUT; 96 KiB at most.' }),
    env: t.field({ type: [EnvVarInput], description: 'Environment of the command, over that of the image.' }),
    labels: t.field({ type: [LabelInput], description: 'To find the run by; see RunFilter.' }),
    timeoutSeconds: t.int({ description: 'How long each attempt may take. Default: as long as it likes.' }),
    resources: t.field({ type: ResourcesInput, description: 'Bounds of the container.' }),
    retry: t.field({ type: RetryInput, description: 'Default: one attempt.' }),
    idempotencyKey: t.string({
      description: `A second startRun with the same key and the same input returns the first run; with another input it is
a CONFLICT.`,
    }),
  }),
});

export const RunFilterInput = builder.inputType('RunFilter', {
  description: 'Which runs are wanted; all that is given must match.',
  fields: (t) => ({
    status: t.field({ type: [RunStatus], description: 'Any of these; an empty list means every status.' }),
    labels: t.field({ type: [LabelInput], description: 'All of them must match.' }),
  }),
});
