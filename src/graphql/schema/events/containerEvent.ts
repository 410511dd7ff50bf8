/** ContainerEvent. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'ContainerEvent'>>('ContainerEvent').implement({
  description: 'What the container engine did.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    kind: t.string({
      resolve: ({ event }) => event.containerEvent,
      description:
        'Such as IMAGE_PULLING, CREATED, STARTED, OUT_OF_MEMORY, EXITED, REMOVED. Further kinds can be added.',
    }),
    detail: t.string({ nullable: true, resolve: ({ event }) => event.detail, description: 'Details, for a person.' }),
  }),
});
