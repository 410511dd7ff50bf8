/** LinesDropped and DropReason. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { asInt } from '../../../domain/ints.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from './runEvent.ts';

export const DropReason = builder.enumType('DropReason', {
  description: 'Why events are missing. This enum may grow.',
  values: {
    LOG_LIMIT: {
      description: `The log exceeded its limit and lost its middle (viewers that followed live got all of it), or the run had
as many events as a run can have.`,
    },
    STORE_LOST: { description: 'The store lost them, and no process was left that could write them again.' },
  } as const,
});

builder.objectRef<SourceOf<'LinesDropped'>>('LinesDropped').implement({
  description: `Events that are no longer in the log, or never got there, and why: a loss is never silent. If they had seqs (the
middle of a log over its limit; the range can grow while the run continues), this event stands for fromSeq to seq, cut
to what the reader asked for: fromSeq is at least after + 1. If they never had seqs, fromSeq equals seq. No filter
removes this event.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    fromSeq: t.int({ resolve: ({ event }) => event.fromSeq, description: 'First seq that this event stands for.' }),
    count: t.int({
      resolve: ({ event }) => asInt(event.count),
      description: 'Number of missing events: seq - fromSeq + 1 if they had seqs.',
    }),
    droppedBytes: t.float({
      nullable: true,
      resolve: ({ event }) => event.droppedBytes,
      description: 'UTF-8 bytes of the messages of the missing lines; null if they were not counted.',
    }),
    droppedLines: t.int({
      nullable: true,
      resolve: ({ event }) => (event.droppedLines === null ? null : asInt(event.droppedLines)),
      description: 'LogLine events among the missing events; null if they were not counted.',
    }),
    reason: t.field({ type: DropReason, resolve: ({ event }) => event.reason, description: 'Why they are missing.' }),
  }),
});
