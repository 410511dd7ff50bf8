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
  description: 'A group has ended: the innermost open one, unless it is implicit.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    name: t.string({ resolve: ({ event }) => event.name, description: 'Title of the group that has ended.' }),
    startSeq: t.int({
      resolve: ({ event }) => event.startSeq ?? 0,
      description: 'seq of its GroupStarted; 0 in logs of older versions.',
    }),
    durationMs: t.float({
      resolve: ({ event }) => event.durationMs ?? 0,
      description: 'Milliseconds since its start; 0 in logs of older versions.',
    }),
    implicit: t.boolean({
      resolve: ({ event }) => event.implicit ?? false,
      description: `True if the command did not end it: the attempt ended, or more than 100 groups were open, which closes the outermost.`,
    }),
  }),
});
