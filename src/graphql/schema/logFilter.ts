/** The input LogFilter. What it means is in domain/filter.ts. */
import { builder } from './builder.ts';
import { LogLevel, LogStream } from './logLine.ts';

export const LogFilterInput = builder.inputType('LogFilter', {
  description: `Which events are wanted; all that is given must match, and an empty list asks for nothing special.
minLevel, levels, streams, logger, contains and exclude mean lines: where one of them is given without types, LogLine
alone is selected, and RunFinished as the end. LinesDropped always passes.`,
  fields: (t) => ({
    minLevel: t.field({ type: LogLevel, description: 'Lines of this level and above.' }),
    levels: t.field({ type: [LogLevel], description: 'Lines of any of these levels.' }),
    streams: t.field({ type: [LogStream], description: 'Lines of any of these streams.' }),
    logger: t.string({ description: 'Lines of the logger with exactly this name.' }),
    contains: t.string({
      description: 'Lines with this text in their message, in any case; ANSI sequences in the message do not count.',
    }),
    exclude: t.string({ description: 'Lines without this text in their message, compared as contains is.' }),
    attempt: t.int({ description: 'Events of this attempt, from 1.' }),
    types: t.stringList({ description: 'Names of event types, such as LogLine. An unknown one is BAD_USER_INPUT.' }),
  }),
});
