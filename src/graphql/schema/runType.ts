/** Run, with Query.node and Query.run. */

import { eventSource } from '../../delivery/eventSource.ts';
import { parseRunId } from '../../domain/ids.ts';
import { asInt } from '../../domain/ints.ts';
import type { Label as LabelValue, Resources as ResourcesValue, RunSummary } from '../../domain/run.ts';
import { builder } from './builder.ts';
import { ProgressUpdated } from './eventTypes.ts';
import { RunFailure, RunStatus } from './runStatus.ts';

const Node = builder.interfaceRef<RunSummary>('Node').implement({
  description: 'A thing with a lasting id of its own. Events have none: their place is (runId, seq).',
  resolveType: () => 'Run',
  fields: (t) => ({ id: t.exposeID('id', { description: 'Lasting, and unique among all things.' }) }),
});

const Label = builder.objectRef<LabelValue>('Label').implement({
  description: 'A name and a value that somebody put on a run, to find it again.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Once per run.' }),
    value: t.exposeString('value', { description: 'Any text, or an empty one.' }),
  }),
});

const Resources = builder.objectRef<ResourcesValue>('Resources').implement({
  description: 'What the run may use; null where the launcher sets no bound.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: 'CPU cores, such as 0.5.' }),
    memoryMb: t.exposeInt('memoryMb', { nullable: true, description: 'Memory, in units of 1024 x 1024 bytes.' }),
  }),
});

export const Run = builder.objectRef<RunSummary>('Run');
Run.implement({
  description: 'One command that was asked for: what it is, how it goes, and its log.',
  interfaces: [Node],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'A UUID, version 7: newer ids sort later.' }),
    name: t.exposeString('name', { nullable: true, description: 'What startRun was given as name.' }),
    status: t.expose('status', { type: RunStatus, description: 'Where it is in its life.' }),
    image: t.exposeString('image', { description: 'The container image that it runs in.' }),
    command: t.field({
      type: ['String'],
      resolve: async ({ id }, _args, context) => [...(await context.loadDetail(id, 'command'))],
      description: 'Program and arguments; no shell is put around it.',
    }),
    input: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ id }, _args, context) => context.loadDetail(id, 'input'),
      description: 'What startRun was given as input; the command reads it (see RUN_INPUT).',
    }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ id }, _args, context) => context.loadDetail(id, 'output'),
      description: 'The last value that the command reported as its output.',
    }),
    labels: t.field({
      type: [Label],
      resolve: ({ id }, _args, context) => context.loadDetail(id, 'labels'),
      description: 'In the order that was given.',
    }),
    attempt: t.exposeInt('attempt', {
      description: '1 for the first attempt; goes up by one for each automatic retry.',
    }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Attempts in all.' }),
    timeoutSeconds: t.exposeInt('timeoutSeconds', {
      nullable: true,
      description: 'How long each attempt may take, in seconds; null: as long as it likes.',
    }),
    resources: t.field({ type: Resources, resolve: (run) => run.resources, description: 'What it may use.' }),
    exitCode: t.int({
      nullable: true,
      resolve: ({ exitCode }) => (exitCode === null ? null : asInt(exitCode)),
      description: 'Of the last attempt, as failure and digest are.',
    }),
    failure: t.field({
      type: RunFailure,
      nullable: true,
      resolve: ({ id }, _args, context) => context.loadDetail(id, 'failure'),
      description: 'Why the last attempt failed; null where it did not.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was accepted.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When it was first RUNNING.' }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    durationMs: t.float({
      nullable: true,
      resolve: ({ startedAt, finishedAt }) =>
        startedAt === null ? null : Math.max((finishedAt ?? Date.now()) - startedAt, 0),
      description: 'Wall time from startedAt to finishedAt, or to now while it runs.',
    }),
    cancelRequestedAt: t.expose('cancelRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'Set when somebody asked for it, before it has ended.',
    }),
    retryOf: t.field({
      type: Run,
      nullable: true,
      resolve: (run, _args, context) => (run.retryOf === null ? null : context.loadRun(run.retryOf)),
      description: 'The run that retryRun made this one from; null too where that one was removed.',
    }),
    progress: t.field({
      type: ProgressUpdated,
      nullable: true,
      resolve: async ({ id }, _args, context) => {
        const progress = await context.loadDetail(id, 'progress');
        return progress === null ? null : eventSource(id, progress);
      },
      description: 'The newest progress that the command reported.',
    }),
    lines: t.int({ resolve: ({ lines }) => asInt(lines), description: 'LogLine events over all attempts.' }),
    bytes: t.exposeFloat('bytes', {
      description: 'UTF-8 bytes of the messages of all LogLine events, over all attempts.',
    }),
    dropped: t.int({ resolve: ({ dropped }) => asInt(dropped), description: 'Lines dropped, over all attempts.' }),
    digest: t.exposeString('digest', { nullable: true, description: 'See RunFinished.digest.' }),
    lastSeq: t.int({
      resolve: ({ lastSeq }) => asInt(lastSeq),
      description: 'seq of the newest event; 0 where there is none.',
    }),
  }),
});

const byId = async (id: string, loadRun: (id: RunSummary['id']) => Promise<RunSummary | null>) => {
  const runId = parseRunId(id);
  return runId === null ? null : await loadRun(runId);
};

builder.queryField('node', (t) =>
  t.field({
    type: Node,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: 'As Node.id has it.' }) },
    resolve: (_root, { id }, context) => byId(id, (runId) => context.loadRun(runId)),
    description: 'Anything with an id. Null where there is none.',
  }),
);

builder.queryField('run', (t) =>
  t.field({
    type: Run,
    nullable: true,
    args: { id: t.arg.id({ required: true, description: 'As Run.id has it.' }) },
    resolve: (_root, { id }, context) => byId(id, (runId) => context.loadRun(runId)),
    description: 'One run. Null where there is none.',
  }),
);
