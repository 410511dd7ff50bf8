/** The interface RunEvent and what its types share. */

import type { EventSource } from '../../delivery/eventSource.ts';
import { builder } from './builder.ts';

export const RunEventRef = builder.interfaceRef<EventSource>('RunEvent');

RunEventRef.implement({
  description: `One thing that happened in a run. Every event of a run, whatever its type, has its
place in ONE sequence: seq starts at 1, goes up by exactly 1 and never repeats, across
attempts too. What is no longer there is told, not skipped: a LinesDropped stands in the
place of all seqs from its fromSeq to its seq. So a client can prove that it misses nothing:
each event's seq (of a LinesDropped: its fromSeq) is one more than the last event's seq.`,
  resolveType: ({ event }) => event.kind,
  fields: (t) => ({
    seq: t.int({ resolve: ({ event }) => event.seq, description: "Its place in the run's sequence, from 1." }),
    runId: t.id({ resolve: ({ runId }) => runId, description: 'The run that it happened in.' }),
    attempt: t.int({ resolve: ({ event }) => event.attempt, description: 'The attempt that it happened in, from 1.' }),
    timestamp: t.field({
      type: 'DateTime',
      resolve: ({ event }) => event.timestamp,
      description: 'When it happened, by the clock of the writer. Order by seq, not by this.',
    }),
  }),
});
