/** `node scripts/logFormats.ts` writes docs/reference/log-formats.md from the table of formats. A test compares them. */
import { writeFileSync } from 'node:fs';
import type { Format } from '../executor/output/records/format.ts';
import { FORMATS } from '../executor/output/records/formats.ts';

const FILE = new URL('../docs/reference/log-formats.md', import.meta.url);

const SCALES: Readonly<Record<NonNullable<Format['scale']>, string>> = {
  tens: '',
  python: ' (numbers: 10 DEBUG, 20 INFO, 30 WARNING, 40 ERROR, 50 CRITICAL)',
  monolog: ' (numbers: 100 DEBUG, 200 INFO, 300 WARNING, 400 ERROR, 500 CRITICAL)',
  otel: ' (numbers: 1 TRACE, 5 DEBUG, 9 INFO, 13 WARNING, 17 ERROR, 21 CRITICAL)',
  syslog: ' (numbers: 7 DEBUG, 6 and 5 INFO, 4 WARNING, 3 ERROR, 2 to 0 CRITICAL)',
  dotnet: ' (numbers: 0 TRACE, 1 DEBUG, 2 INFO, 3 WARNING, 4 ERROR, 5 CRITICAL)',
  nextcloud: ' (numbers: 0 DEBUG, 1 INFO, 2 WARNING, 3 ERROR, 4 CRITICAL)',
  letters: ' (T, D, I, W, E, F)',
};

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

const shapeOf = ({ marks, shape }: Format): string => {
  if (marks.length === 0) return 'any other record';
  const mark = marks.length === 1 ? code(marks) : `one of ${code(marks)}`;
  return shape === undefined ? mark : `${mark}; ${shape.words}`;
};

const rowOf = (format: Format): string => {
  const { level, scale = 'tens', defaultLevel, message, template = [], time, logger, exception } = format;
  const lines: readonly (readonly [string, string])[] = [
    ['written by', format.writers],
    ['recognized by', shapeOf(format)],
    [
      'level',
      `${code(level)}${SCALES[scale]}${defaultLevel === undefined ? '' : `${level.length > 0 ? '; ' : ''}else by its shape`}`,
    ],
    [
      'message',
      `${code(message)}${template.length > 0 ? `, else ${code(template)} with its placeholders filled` : ''}`,
    ],
    ['time', code(time)],
    ['logger', code(logger)],
    ['exception', code([...exception, ...(format.exceptionParts ?? []), ...(format.stack ?? [])])],
    ['fields of its own', format.spread === undefined ? '' : `those in ${code(format.spread)}`],
  ];
  return `### ${format.name}\n\n${lines
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `- ${name}: ${text}`)
    .join('\n')}\n`;
};

/** The text of docs/reference/log-formats.md. */
export const logFormats = (): string => `# Log formats

Written by \`node scripts/logFormats.ts\` from [the table of formats](../../executor/output/records/formats.ts). Lines of each
format, with the events that they become, are in [test/fixtures/records](../../test/fixtures/records). Most of these lines were
printed by the libraries; those in documented.jsonl are from documentation.

A line is a **record** if it is a JSON object with a known level, and with a message, a time or an exception. It becomes a
LogLine of stream LOGGER. White space, a byte order mark, ANSI colours and a progress bar's state (text and CR) may precede
it. Colours inside it are removed. Other JSON lines stay plain lines: \`{"a":1}\`, \`{"level":"info"}\`,
\`{"level":3,"message":"…"}\`.

- **Level**: a name in any case (trace, debug, info, notice, warn, error, severe, critical, fatal, panic, emergency and
  their short forms; slog's INFO+2; Python's "Level 25"), or a number. Numbers are 10 TRACE, 20 DEBUG, 30 INFO, 40 WARNING,
  50 ERROR, 60 CRITICAL, unless a format says otherwise.
- **Message**: a text or a number. If it is an object, as winston and NestJS write it, the message is empty and the object is a
  field.
- **Time**: epoch seconds, milliseconds, microseconds or nanoseconds from 2001 to 2100; RFC 3339, also with a space,
  slashes, a comma, or Go's \` +0000 UTC\`; objects such as \`{"epochSecond":…}\` and \`{"$date":…}\`. A time without an
  offset is in the command's time zone: its \`TZ\`, else the image's /etc/localtime, else UTC. Any other value stays a field,
  and the line has the time at which it was read.
- **Exception**: an object with type, message or stack; a traceback or stack; a text. A \`stack\` counts if it looks like
  one. An \`error\` that is only a text counts from WARNING on ("error": "0.5 %" at INFO is a field).
- **Fields**: all other members, with their numbers as printed. If a name occurs twice, the first one counts for the record,
  and the other one is a field. NaN and Infinity are null.
- A record that is longer than MAX_LINE_BYTES keeps its level, logger and time. Of message, exception and fields, in this
  order, it keeps what fits, and it is \`truncated\`. The first 1 MiB and the last 8 KiB of it are read.

A path such as \`log.level\` means a member of that name, or \`level\` within \`log\`. \`error.*\` means \`error.type\`,
\`error.message\` and so on as members. If several paths are given, the first usable one counts, and the others stay in the
fields. The formats are tried in this order.

${FORMATS.map(rowOf).join('\n')}
## Your own

Print the common names: \`{"level":"error","msg":"it failed","time":"2024-05-06T07:08:09Z","logger":"shop.cart"}\`. For a
program that can't, add a row to the table, and a line of its output to the fixtures.
`;

if (process.argv[1] === import.meta.filename) writeFileSync(FILE, logFormats());
