/** LogLine and what belongs to it. */

import type { SourceOf } from '../../delivery/eventSource.ts';
import type { LogException as Exception } from '../../domain/events.ts';
import { builder } from './builder.ts';
import { RunEventRef } from './runEvent.ts';

export const LogLevel = builder.enumType('LogLevel', {
  description: 'Severity, in rising order.',
  values: {
    TRACE: { description: 'The finest detail.' },
    DEBUG: { description: 'For whoever looks for a fault.' },
    INFO: { description: 'What normally happens; the level of every plain line, on both streams.' },
    WARNING: { description: 'Worth a look, the command goes on.' },
    ERROR: { description: 'Something failed.' },
    CRITICAL: { description: 'The command cannot go on, or hardly.' },
  } as const,
});

export const LogStream = builder.enumType('LogStream', {
  description: 'Where a line came from.',
  values: {
    STDOUT: {
      description: "A plain line of the command's standard output, or a workflow command such as ::notice:: in it.",
    },
    STDERR: { description: "The same of the command's standard error, which is not by itself an error." },
    LOGGER: { description: 'A structured record, from either of the two.' },
    SYSTEM: { description: 'The executor itself. Not in log.txt and not in the digest.' },
  } as const,
});

const LogException = builder.objectRef<Exception>('LogException').implement({
  description: 'What a structured record says of an exception, as far as it says it.',
  fields: (t) => ({
    type: t.exposeString('type', { nullable: true, description: 'Its class or kind.' }),
    message: t.exposeString('message', { nullable: true, description: 'Its text.' }),
    stack: t.exposeString('stack', { nullable: true, description: 'Its trace, with line breaks.' }),
  }),
});

builder.objectRef<SourceOf<'LogLine'>>('LogLine').implement({
  description: 'A line of output or a structured log record.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    level: t.field({ type: LogLevel, resolve: ({ event }) => event.level, description: 'How grave it is.' }),
    stream: t.field({ type: LogStream, resolve: ({ event }) => event.stream, description: 'Where it came from.' }),
    message: t.string({
      resolve: ({ event }) => event.message,
      description: 'The text, without its line break. ANSI sequences are kept. Never invalid Unicode.',
    }),
    logger: t.string({
      nullable: true,
      resolve: ({ event }) => event.logger,
      description: 'Name of the logger, for structured records.',
    }),
    fields: t.field({
      type: 'JSON',
      nullable: true,
      resolve: ({ event }) => event.fields,
      description: 'The other fields of a structured record.',
    }),
    exception: t.field({
      type: LogException,
      nullable: true,
      resolve: ({ event }) => event.exception,
      description: 'Of a structured record that tells one.',
    }),
    truncated: t.boolean({
      resolve: ({ event }) => event.truncated ?? false,
      description: 'True where the text was cut at the line limit.',
    }),
  }),
});
