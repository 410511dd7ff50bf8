/** Run and Query.run. Other files add fields to Run: progress, logs. */
import { asInt } from '../../../domain/ints.ts';
import type { RunSummary } from '../../../domain/run.ts';
import { builder } from '../base/builder.ts';
import { Label } from './label.ts';
import { byId, Node } from './node.ts';
import { Resources } from './resources.ts';
import { RunFailure } from './runFailure.ts';
import { RunStatus } from './runStatus.ts';

export const Run = builder.objectRef<RunSummary>('Run');

Run.implement({
  description: 'One command, its state and its log.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'A UUID, version 7: newer ids sort later.' }),
    status: t.expose('status', { type: RunStatus, description: 'The current state.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When it was first RUNNING.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    durationMs: t.float({
      nullable: true,
      resolve: ({ startedAt, finishedAt }) =>
        startedAt === null ? null : Math.max((finishedAt ?? Date.now()) - startedAt, 0),
      description: 'Wall time in milliseconds from startedAt to finishedAt, or to now while it runs.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When a cancel was requested; null if none was requested before the end.',
    }),
  }),
});

/** What startRun was asked for. */
builder.objectFields(Run, (t) => ({
  name: t.exposeString('name', { nullable: true, description: 'The name that startRun was given.' }),
  image: t.exposeString('image', { description: 'The container image that it runs in.' }),
  command: t.field({
    type: ['String'],
    resolve: async ({ id }, _args, context) => [...(await context.loadDetail(id, 'command'))],
    description: 'Program and arguments. No shell is put around them.',
  }),
  input: t.field({
    type: 'JSON',
    nullable: true,
    resolve: ({ id }, _args, context) => context.loadDetail(id, 'input'),
    description: 'The input that startRun was given. The command reads it from RUN_INPUT.',
  }),
  labels: t.field({
    type: [Label],
    resolve: ({ id }, _args, context) => context.loadDetail(id, 'labels'),
    description: 'In the order in which they were given.',
  }),
  maxAttempts: t.exposeInt('maxAttempts', { description: 'The maximum number of attempts.' }),
  timeoutSeconds: t.exposeInt('timeoutSeconds', {
    nullable: true,
    description: 'Time limit of each attempt in seconds; null means no limit.',
  }),
  resources: t.field({ type: Resources, resolve: (run) => run.resources, description: 'The most that it can use.' }),
  createdBy: t.exposeString('createdBy', {
    nullable: true,
    description: 'Subject of the caller who started it; null for runs of services without tenants.',
  }),
  retryOf: t.field({
    authScopes: { right: 'Run.retryOf' },
    type: Run,
    nullable: true,
    resolve: (run, _args, context) => (run.retryOf === null ? null : context.loadRun(run.retryOf)),
    description: 'The run that retryRun made this one from. Null too if that run was removed.',
  }),
}));

/** How the last attempt went. */
builder.objectFields(Run, (t) => ({
  attempt: t.exposeInt('attempt', {
    description: '1 for the first attempt; each automatic retry adds one.',
  }),
  exitCode: t.int({
    nullable: true,
    resolve: ({ exitCode }) => (exitCode === null ? null : asInt(exitCode)),
    description: 'Exit code of the last attempt; null if the command did not exit by itself.',
  }),
  failure: t.field({
    type: RunFailure,
    nullable: true,
    resolve: ({ id }, _args, context) => context.loadDetail(id, 'failure'),
    description: 'Why the last attempt failed; null if it did not.',
  }),
  output: t.field({
    authScopes: { right: 'Run.output' },
    type: 'JSON',
    nullable: true,
    resolve: ({ id }, _args, context) => context.loadDetail(id, 'output'),
    description: 'The last value that the command reported as its output.',
  }),
  digest: t.exposeString('digest', { nullable: true, description: 'Of the last attempt; see RunFinished.digest.' }),
}));

/** How large its log is. */
builder.objectFields(Run, (t) => ({
  lines: t.int({ resolve: ({ lines }) => asInt(lines), description: 'Number of LogLine events, over all attempts.' }),
  bytes: t.exposeFloat('bytes', {
    description: 'UTF-8 bytes of the messages of all LogLine events, over all attempts.',
  }),
  dropped: t.int({ resolve: ({ dropped }) => asInt(dropped), description: 'Lines dropped, over all attempts.' }),
  lastSeq: t.int({
    resolve: ({ lastSeq }) => asInt(lastSeq),
    description: 'seq of the newest event; 0 if there is none.',
  }),
}));

builder.queryField('run', (t) =>
  t.field({
    authScopes: { right: 'Query.run' },
    type: Run,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: 'The id, as Run.id returns it.' }) },
    resolve: (_root, { id }, context) => byId(id, (runId) => context.loadRun(runId)),
    description: 'One run by its id. Null if there is none.',
  }),
);
