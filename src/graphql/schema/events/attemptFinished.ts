/** AttemptFinished. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunFailure } from '../runs/runFailure.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'AttemptFinished'>>('AttemptFinished').implement({
  description: `An attempt ended. If another one follows, retryAt says when. The last attempt has this event too, before
RunFinished.`,
  interfaces: [RunEventRef],
  fields: (t) => ({
    exitCode: t.int({
      nullable: true,
      resolve: ({ event }) => event.exitCode,
      description: 'Exit code of the command; null if it did not exit by itself.',
    }),
    failure: t.field({
      type: RunFailure,
      nullable: true,
      resolve: ({ event }) => event.failure,
      description: 'Why the attempt failed; null if it did not.',
    }),
    digest: t.string({
      nullable: true,
      resolve: ({ event }) => event.digest,
      description: 'As RunFinished.digest, for this attempt.',
    }),
    retryAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ event }) => event.retryAt,
      description: 'When the next attempt is due; null if none follows.',
    }),
  }),
});
