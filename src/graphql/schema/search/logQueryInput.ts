/** The input LogQuery. src/search applies it. */
import { builder } from '../base/builder.ts';
import { LogLevel, LogStream } from '../events/logLine.ts';

export const LogQueryInput = builder.inputType('LogQuery', {
  description: `Which lines to find. All that is given must match; an empty list or text is not a condition. text and exclude are
compared with the message without its ANSI sequences (a text that has a sequence: with the message as it is). Case is
ignored as Unicode's simple case folding says, so ß equals ẞ, but not ss.`,
  fields: (t) => ({
    text: t.string({ description: 'Lines whose message contains this text. At most 1024 bytes.' }),
    regex: t.boolean({
      defaultValue: false,
      description: 'text is a regular expression in RE2 syntax. ^ and $ are the ends of the message.',
    }),
    caseSensitive: t.boolean({ defaultValue: false, description: 'text and exclude distinguish case.' }),
    levels: t.field({ type: [LogLevel], description: 'Lines of any of these levels.' }),
    minLevel: t.field({ type: LogLevel, description: 'Lines of this level and above.' }),
    streams: t.field({ type: [LogStream], description: 'Lines of any of these streams.' }),
    logger: t.string({ description: 'Lines of the logger with exactly this name.' }),
    attempt: t.int({ description: 'Lines of this attempt, from 1.' }),
    exclude: t.string({ description: 'Lines whose message does not contain this text, which is never a pattern.' }),
  }),
});
