/** GroupStarted and GroupEnded. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'GroupStarted'>>('GroupStarted').implement({
  description: 'The events from here to the matching GroupEnded belong together. Groups can be nested.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    name: t.string({ resolve: ({ event }) => event.name, description: 'Title of the group.' }),
  }),
});

builder.objectRef<SourceOf<'GroupEnded'>>('GroupEnded').implement({
  description: 'The innermost open group has ended.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    name: t.string({ resolve: ({ event }) => event.name, description: 'Title of the group that has ended.' }),
  }),
});
