/** OutputProduced. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import { builder } from '../base/builder.ts';
import { RunEventRef } from './runEvent.ts';

builder.objectRef<SourceOf<'OutputProduced'>>('OutputProduced').implement({
  description: 'The command reported a value as its output. The last one is Run.output.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    value: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ event }) => event.value,
      description: 'The value. Null if the command reported null.',
    }),
  }),
});
