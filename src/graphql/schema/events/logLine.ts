/** LogLine, LogLevel, LogStream and LogException. */
import type { SourceOf } from '../../../delivery/eventSource.ts';
import type { LogException as Exception } from '../../../domain/events.ts';
import { asInt } from '../../../domain/ints.ts';
import { builder } from '../base/builder.ts';
import { Annotation } from './logAnnotation.ts';
import { RunEventRef } from './runEvent.ts';

export const LogLevel = builder.enumType('LogLevel', {
  description: 'Severity, in rising order.',
  values: {
    TRACE: { description: 'The finest detail.' },
    DEBUG: { description: 'For finding faults.' },
    INFO: { description: 'Normal operation. Every plain line has this level, on both streams.' },
    WARNING: { description: 'Worth attention; the command continues.' },
    ERROR: { description: 'Something failed.' },
    CRITICAL: { description: 'The command can hardly continue, or not at all.' },
  } as const,
});

export const LogStream = builder.enumType('LogStream', {
  description: 'Where a line came from.',
  values: {
    STDOUT: {
      description: "A plain line of the command's standard output, or a workflow command in it, such as ::notice::.",
    },
    STDERR: { description: "The same of the command's standard error. Such a line is not necessarily an error." },
    LOGGER: { description: 'A structured record, from standard output or standard error.' },
    SYSTEM: { description: 'A message of the executor itself. Not in log.txt and not in the digest.' },
  } as const,
});

const LogException = builder.objectRef<Exception>('LogException').implement({
  description: 'The exception of a structured record. Null where the record does not say it.',
  fields: (t) => ({
    type: t.exposeString('type', { nullable: true, description: 'Class or kind of the exception.' }),
    message: t.exposeString('message', { nullable: true, description: 'Message of the exception.' }),
    stack: t.exposeString('stack', { nullable: true, description: 'Stack trace, with line breaks.' }),
  }),
});

export const LogLine = builder.objectRef<SourceOf<'LogLine'>>('LogLine').implement({
  description: 'A line of output or a structured log record.',
  interfaces: [RunEventRef],
  fields: (t) => ({
    level: t.field({ type: LogLevel, resolve: ({ event }) => event.level, description: 'Severity.' }),
    stream: t.field({ type: LogStream, resolve: ({ event }) => event.stream, description: 'Where it came from.' }),
    message: t.string({
      resolve: ({ event }) => event.message,
      description: 'The text without its line break. ANSI sequences are kept. It is always valid Unicode.',
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
      description: 'The exception of a structured record that has one.',
    }),
    line: t.int({
      nullable: true,
      resolve: ({ event }) => (event.line === undefined ? null : asInt(event.line)),
      description: `Its number in log.txt, from 1, over all attempts. It never changes: dropped lines keep theirs, so \`sed -n\` agrees as
long as nothing is dropped before it. Null for SYSTEM, and in logs of older versions.`,
    }),
    annotation: t.field({
      type: Annotation,
      nullable: true,
      resolve: ({ event }) => event.annotation,
      description: 'Of a workflow command such as `::error file=a.js,line=3,title=Lint::text`; null for other lines.',
    }),
    truncated: t.boolean({
      resolve: ({ event }) => event.truncated ?? false,
      description: 'True if the text was cut at the line limit (MAX_LINE_BYTES).',
    }),
  }),
});
