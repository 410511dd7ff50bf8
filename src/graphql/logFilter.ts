/** The input LogFilter. What it means is in domain/filter.ts. */
import { builder } from './builder.ts';
import { LogLevel, LogStream } from './logLine.ts';

export const LogFilterInput = builder.inputType('LogFilter', {
  description: `Which events are wanted; all that is given must match, and an empty list asks for nothing special.
LinesDropped always passes.`,
  fields: (t) => ({
    minLevel: t.field({ type: LogLevel, description: 'This level and above. Applies to LogLine alone.' }),
    streams: t.field({ type: [LogStream], description: 'Any of these. Applies to LogLine alone.' }),
    contains: t.string({ description: 'Case-insensitive substring of message. Applies to LogLine alone.' }),
    attempt: t.int({ description: 'Events of this attempt, from 1.' }),
    types: t.stringList({ description: 'Names of event types, such as LogLine. An unknown one is BAD_USER_INPUT.' }),
  }),
});
