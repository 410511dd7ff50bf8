/** The input LogFilter. domain/filter.ts applies it. */
import { builder } from '../base/builder.ts';
import { LogLevel, LogStream } from '../events/logLine.ts';

export const LogFilterInput = builder.inputType('LogFilter', {
  description: `Which events. All conditions that are given must match; an empty list is no condition. minLevel, levels, streams,
logger, contains and exclude are conditions on lines: if one of them is given without types, only LogLine events are
selected, and RunFinished as the end. LinesDropped always passes.`,
  fields: (t) => ({
    minLevel: t.field({ type: LogLevel, description: 'Lines of this level and above.' }),
    levels: t.field({ type: [LogLevel], description: 'Lines of any of these levels.' }),
    streams: t.field({ type: [LogStream], description: 'Lines of any of these streams.' }),
    logger: t.string({ description: 'Lines of the logger with exactly this name.' }),
    contains: t.string({
      description: 'Lines whose message contains this text. Case and ANSI sequences in the message are ignored.',
    }),
    exclude: t.string({ description: 'Lines whose message does not contain this text, compared as for contains.' }),
    attempt: t.int({ description: 'Events of this attempt, from 1.' }),
    types: t.stringList({ description: 'Names of event types, such as LogLine. An unknown name is BAD_USER_INPUT.' }),
  }),
});
