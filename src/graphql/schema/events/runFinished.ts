/** RunFinished. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { asInt } from '../../../domain/ints.ts';
import { builder } from '../base/builder.ts';
import { RunFailure } from '../runs/runFailure.ts';
import { RunStatus } from '../runs/runStatus.ts';
import { RunEventRef } from './runEvent.ts';

const DIGEST = `Proof of completeness: SHA-256 in lower-case hex over the message of every LogLine with stream STDOUT, STDERR or LOGGER
of the last attempt, in seq order, each followed by one LF, as UTF-8, after masking. Lines that were dropped from the
middle later count too, so a client that followed live can always check it. For a run of one attempt with nothing
dropped it is the SHA-256 of its log.txt. Null if no executor of the last attempt reported its end (killed, cancelled
while queued, image not available).`;

builder.objectRef<SourceOf<'RunFinished'>>('RunFinished').implement({
  description: `Always the last event of a run: nothing is ever added after it. A subscription completes right after it.`,
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
      description: 'Exit code of the last attempt; null if the command did not exit by itself.',
    }),
    failure: t.field({
      type: RunFailure,
      nullable: true,
      resolve: ({ event }) => event.failure,
      description: 'Why the run FAILED; null otherwise.',
    }),
    message: t.string({
      resolve: ({ event }) => event.message,
      description: "'Run COMPLETED', 'Run FAILED: …' or 'Run CANCELLED: …'.",
    }),
    lines: t.int({
      resolve: ({ event }) => asInt(event.lines),
      description: 'Number of LogLine events, over all attempts.',
    }),
    bytes: t.float({
      resolve: ({ event }) => event.bytes,
      description: 'UTF-8 bytes of the messages of all LogLine events, over all attempts.',
    }),
    dropped: t.int({ resolve: ({ event }) => asInt(event.dropped), description: 'Lines dropped, over all attempts.' }),
    digest: t.string({ nullable: true, resolve: ({ event }) => event.digest, description: DIGEST }),
  }),
});
