/** StatusChanged. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunStatus } from '../runs/runStatus.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'StatusChanged'>>('StatusChanged').implement({
  description: 'The status of the run changed.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    status: t.field({ type: RunStatus, resolve: ({ event }) => event.status, description: 'The new status.' }),
    previous: t.field({
      type: RunStatus,
      nullable: true,
      resolve: ({ event }) => event.previous,
      description: 'The status before; null for the first one.',
    }),
    detail: t.string({ nullable: true, resolve: ({ event }) => event.detail, description: 'Why, for a person.' }),
  }),
});
