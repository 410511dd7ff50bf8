/** The interface RunEvent. Each type of event is in a file of this folder. */
import type { EventSource } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';

export const RunEventRef = builder.interfaceRef<EventSource>('RunEvent');

RunEventRef.implement({
  description: `One thing that happened in a run. All events of a run, whatever their types, form ONE sequence: seq starts at 1,
increases by exactly 1 and never repeats, across attempts too. Events that are missing are reported, not skipped: a
LinesDropped takes the place of all seqs from its fromSeq to its seq. So a client can prove that it misses nothing: each
event's seq (of a LinesDropped: its fromSeq) is one more than the seq of the event before it.`,
  resolveType: ({ event }) => event.kind,
  fields: (t) => ({
    seq: t.int({
      resolve: ({ event }) => event.seq,
      description: "Position in the run's sequence of events, from 1.",
    }),
    runId: t.id({ resolve: ({ runId }) => runId, description: 'Id of the run that it happened in.' }),
    attempt: t.int({ resolve: ({ event }) => event.attempt, description: 'The attempt that it happened in, from 1.' }),
    timestamp: t.field({
      type: 'DateTime',
      resolve: ({ event }) => event.timestamp,
      description: 'When it happened, by the clock of its writer. Order events by seq, not by timestamp.',
    }),
  }),
});
