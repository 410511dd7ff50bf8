/** ProgressUpdated and Run.progress. */
import { eventSource, type SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { Run } from '../runs/runType.ts';
import { RunEventRef } from './runEvent.ts';

const ProgressUpdated = builder.objectRef<SourceOf<'ProgressUpdated'>>('ProgressUpdated').implement({
  description: 'The command reported its progress.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    label: t.string({
      nullable: true,
      resolve: ({ event }) => event.label,
      description: 'What the command is doing.',
    }),
    current: t.float({ resolve: ({ event }) => event.current, description: 'How much is done, in units.' }),
    total: t.float({
      nullable: true,
      resolve: ({ event }) => event.total,
      description: 'How much there is to do, in units; null if the command does not know.',
    }),
    unit: t.string({ nullable: true, resolve: ({ event }) => event.unit, description: 'Such as files or bytes.' }),
  }),
});

builder.objectField(Run, 'progress', (t) =>
  t.field({
    authScopes: { right: 'Run.progress' },
    type: ProgressUpdated,
    nullable: true,
    resolve: async ({ id }, _args, context) => {
      const progress = await context.loadDetail(id, 'progress');
      return progress === null ? null : eventSource(id, progress);
    },
    description: 'The newest progress that the command reported.',
  }),
);
