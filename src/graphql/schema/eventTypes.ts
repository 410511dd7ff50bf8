/** The types of RunEvent besides LogLine. */

import type { SourceOf } from '../../delivery/eventSource.ts';
import { asInt } from '../../domain/ints.ts';
import { builder } from './builder.ts';
import { RunEventRef } from './runEvent.ts';
import { RunFailure, RunStatus } from './runStatus.ts';

builder.objectRef<SourceOf<'StatusChanged'>>('StatusChanged').implement({
  description: 'The run went from one status to another.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    status: t.field({ type: RunStatus, resolve: ({ event }) => event.status, description: 'What it is now.' }),
    previous: t.field({
      type: RunStatus,
      nullable: true,
      resolve: ({ event }) => event.previous,
      description: 'What it was before; null for the first.',
    }),
    detail: t.string({ nullable: true, resolve: ({ event }) => event.detail, description: 'Why, for a person.' }),
  }),
});

export const ProgressUpdated = builder.objectRef<SourceOf<'ProgressUpdated'>>('ProgressUpdated');
ProgressUpdated.implement({
  description: 'The command reported how far it is.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    label: t.string({ nullable: true, resolve: ({ event }) => event.label, description: 'What it is doing.' }),
    current: t.float({ resolve: ({ event }) => event.current, description: 'How far it is, in units.' }),
    total: t.float({
      nullable: true,
      resolve: ({ event }) => event.total,
      description: 'Where it will be done; null where it does not know.',
    }),
    unit: t.string({ nullable: true, resolve: ({ event }) => event.unit, description: 'Such as files or bytes.' }),
  }),
});

builder.objectRef<SourceOf<'GroupStarted'>>('GroupStarted').implement({
  description: 'What follows, up to its GroupEnded, belongs together. Groups can lie within groups.',
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

builder.objectRef<SourceOf<'OutputProduced'>>('OutputProduced').implement({
  description: 'The command reported a value; the last one is Run.output.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    value: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ event }) => event.value,
      description: 'Null where the command reported null.',
    }),
  }),
});

builder.objectRef<SourceOf<'CustomEvent'>>('CustomEvent').implement({
  description: `Something that the command reported in its own terms (\`::event name=checkpoint::JSON\`), or that a later
version of the service has to say. The set of event types is closed within a major version, so generated clients stay
whole: what is new comes as fields, or as this.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    name: t.string({
      resolve: ({ event }) => event.name,
      description: 'What kind of thing it is, such as checkpoint.',
    }),
    data: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ event }) => event.data,
      description: 'What there is to say about it; null where that is nothing.',
    }),
  }),
});

builder.objectRef<SourceOf<'ContainerEvent'>>('ContainerEvent').implement({
  description: 'What the container engine did.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    kind: t.string({
      resolve: ({ event }) => event.containerEvent,
      description: 'Such as IMAGE_PULLING, CREATED, STARTED, OUT_OF_MEMORY, EXITED, REMOVED. More may come.',
    }),
    detail: t.string({ nullable: true, resolve: ({ event }) => event.detail, description: 'More, for a person.' }),
  }),
});

const DropReason = builder.enumType('DropReason', {
  description: 'Why events are not there. This enum may grow.',
  values: {
    LOG_LIMIT: {
      description: `The log went over its budget and lost its middle (who followed live got it all), or the run
had all the events that a run can have.`,
    },
    STORE_LOST: { description: 'The store lost them, and nobody who could write them again was left.' },
  } as const,
});

builder.objectRef<SourceOf<'LinesDropped'>>('LinesDropped').implement({
  description: `Events that are not in the log any more, or never got there, and why: loss is never silent.
Where they had seqs (the middle of a log over its limit; the range can grow while the run
goes on) this event stands for fromSeq to seq, clipped to what the reader asked for: fromSeq
is at least after + 1. Where they never had one, fromSeq equals seq. No filter takes it out.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    fromSeq: t.int({ resolve: ({ event }) => event.fromSeq, description: 'First seq that it stands for.' }),
    count: t.int({
      resolve: ({ event }) => asInt(event.count),
      description: 'Events that are not there: seq - fromSeq + 1 where they had seqs.',
    }),
    droppedBytes: t.float({
      nullable: true,
      resolve: ({ event }) => event.droppedBytes,
      description: 'UTF-8 bytes of the messages of the lines among them; null where nobody counted.',
    }),
    droppedLines: t.int({
      nullable: true,
      resolve: ({ event }) => (event.droppedLines === null ? null : asInt(event.droppedLines)),
      description: 'LogLine events among them; null where nobody counted.',
    }),
    reason: t.field({ type: DropReason, resolve: ({ event }) => event.reason, description: 'Why they are gone.' }),
  }),
});

builder.objectRef<SourceOf<'AttemptFinished'>>('AttemptFinished').implement({
  description: `An attempt ended; where another follows, retryAt says when. The last one has this too, before
RunFinished.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    exitCode: t.int({
      nullable: true,
      resolve: ({ event }) => event.exitCode,
      description: 'Of the command; null where it did not exit by itself.',
    }),
    failure: t.field({
      type: RunFailure,
      nullable: true,
      resolve: ({ event }) => event.failure,
      description: 'Why it failed; null where it did not.',
    }),
    digest: t.string({
      nullable: true,
      resolve: ({ event }) => event.digest,
      description: 'As RunFinished.digest, of this attempt.',
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ event }) => event.retryAt,
      description: 'When the next attempt is due; null where none follows.',
    }),
  }),
});

builder.objectRef<SourceOf<'RunFinished'>>('RunFinished').implement({
  description:
    'Always the last event of a run; nothing is ever added after it. A subscription completes right after it.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    status: t.field({
      type: RunStatus,
      resolve: ({ event }) => event.status,
      description: 'COMPLETED, FAILED or CANCELLED.',
    }),
    exitCode: t.int({
      nullable: true,
      resolve: ({ event }) => event.exitCode,
      description: 'Of the last attempt; null where the command did not exit by itself.',
    }),
    failure: t.field({
      type: RunFailure,
      nullable: true,
      resolve: ({ event }) => event.failure,
      description: 'Why it FAILED; null otherwise.',
    }),
    message: t.string({
      resolve: ({ event }) => event.message,
      description: "'Run COMPLETED', 'Run FAILED: …' or 'Run CANCELLED: …'.",
    }),
    lines: t.int({ resolve: ({ event }) => asInt(event.lines), description: 'LogLine events over all attempts.' }),
    bytes: t.float({
      resolve: ({ event }) => event.bytes,
      description: 'UTF-8 bytes of the messages of all LogLine events, over all attempts.',
    }),
    dropped: t.int({ resolve: ({ event }) => asInt(event.dropped), description: 'Lines dropped, over all attempts.' }),
    digest: t.string({
      nullable: true,
      resolve: ({ event }) => event.digest,
      description: `Proof of completeness: lower-case hex SHA-256 over the message of every LogLine with
stream STDOUT, STDERR or LOGGER of the last attempt, in seq order, each followed by
one LF, as UTF-8, after masking; lines dropped later from the middle count too, so who
followed live can always check it, and for a run of one attempt with nothing dropped it is
the SHA-256 of its log.txt. Null where no executor of the last attempt had the last word
(killed, cancelled while queued, image not to be had).`,
    }),
  }),
});
