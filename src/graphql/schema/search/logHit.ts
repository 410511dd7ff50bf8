/** TextRange and LogHit. */
import { type EventSource, eventSource, type SourceOf } from '../../../delivery/eventSource.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { TextRange as Range } from '../../../domain/text/ansi.ts';
import type { FoundHit } from '../../../search/logScan.ts';
import { builder } from '../base/builder.ts';
import { LogLine } from '../events/logLine.ts';
import { RunEventRef } from '../events/runEvent.ts';

/** What LogHit's resolvers read. */
export interface HitSource {
  readonly event: SourceOf<'LogLine'>;
  readonly ranges: readonly Range[];
  readonly before: readonly EventSource[];
  readonly after: readonly EventSource[];
}

export const hitSource = (
  runId: RunId,
  { event, ranges }: FoundHit,
  { before, after }: Pick<HitSource, 'before' | 'after'> = { before: [], after: [] },
): HitSource => ({ event: eventSource(runId, event), ranges, before, after });

const TextRange = builder.objectRef<Range>('TextRange').implement({
  description: 'A part of a message, in UTF-16 units of the message as it is, ANSI sequences included.',
  fields: (t) => ({
    start: t.exposeInt('start', { description: 'Its first unit, from 0.' }),
    end: t.exposeInt('end', { description: 'The unit after its last one.' }),
  }),
});

export const LogHit = builder.objectRef<HitSource>('LogHit').implement({
  description: 'A line that matches a query.',
  fields: (t) => ({
    event: t.field({ type: LogLine, resolve: ({ event }) => event, description: 'The line.' }),
    ranges: t.field({
      type: [TextRange],
      resolve: ({ ranges }) => [...ranges],
      description: `Where the text matches, from left to right: the first 100 places. ANSI sequences inside of a match belong to it.
Empty if the query has no text. There are fewer if a regular expression takes long in a very long line.`,
    }),
    before: t.field({
      type: [RunEventRef],
      resolve: ({ before }) => [...before],
      description: 'Events right before the line, in seq order: as many as context said.',
    }),
    after: t.field({
      type: [RunEventRef],
      resolve: ({ after }) => [...after],
      description: 'Events right after the line, in seq order: as many as context said.',
    }),
  }),
});
