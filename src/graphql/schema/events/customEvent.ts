/** CustomEvent. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'CustomEvent'>>('CustomEvent').implement({
  description: `Something that the command reported in its own terms (\`::event name=checkpoint::JSON\`), or that a later version of
the service reports. The set of event types is closed within a major version, so that generated clients stay complete:
additions come as fields, or as this type.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    name: t.string({
      resolve: ({ event }) => event.name,
      description: 'What kind of event it is, such as checkpoint.',
    }),
    data: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ event }) => event.data,
      description: 'Data of the event; null if it has none.',
    }),
  }),
});
