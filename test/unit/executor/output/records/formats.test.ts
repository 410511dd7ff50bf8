import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Format } from '../../../../../executor/output/records/format.ts';
import { FORMATS } from '../../../../../executor/output/records/formats.ts';
import { logFormats } from '../../../../../scripts/logFormats.ts';
import type { JsonObject, LogLineDraft } from '../../../../../src/domain/events.ts';
import { eventsOf, NOW } from '../../../../support/output.ts';

/** Lines that the libraries printed, or that their documentation shows (documented.jsonl), and the expected events. */
interface Fixture {
  readonly from: string;
  readonly line: string;
  readonly event: {
    readonly stream: string;
    readonly level: string;
    readonly message?: string;
    readonly logger?: string | null;
    /** Null if the record has none. */
    readonly timestamp?: string | null;
    readonly exception?: {
      readonly type: string | null;
      readonly message: string | null;
      readonly hasStack: boolean;
    } | null;
    /** Names of the fields. */
    readonly fields?: readonly string[];
  };
}

const DIRECTORY = new URL('../../../../fixtures/records/', import.meta.url);
const FIXTURES = readdirSync(DIRECTORY).flatMap((file) =>
  readFileSync(new URL(file, DIRECTORY), 'utf8')
    .trimEnd()
    .split('\n')
    .map((row) => JSON.parse(row) as Fixture),
);
const only = (line: string): LogLineDraft => {
  const events = eventsOf(line);
  expect(events).toHaveLength(1);
  return events[0] as LogLineDraft;
};
const summary = (event: LogLineDraft): Fixture['event'] => ({
  stream: event.stream,
  level: event.level,
  message: event.message,
  logger: event.logger ?? null,
  timestamp: event.timestamp === NOW ? null : new Date(event.timestamp).toISOString(),
  exception: event.exception
    ? { type: event.exception.type, message: event.exception.message, hasStack: event.exception.stack !== null }
    : null,
  fields: Object.keys(event.fields ?? {}),
});

test.for(FIXTURES.map((fixture, index) => [`${fixture.from} (${index})`, fixture] as const))(
  'a line of %s becomes the right event',
  ([, { line, event }]) => {
    expect(summary(only(`${line}\n`))).toMatchObject(event);
  },
);

const RECORDS = FIXTURES.filter(({ event }) => event.stream === 'LOGGER');

test.for([
  ['a byte order mark', (line: string) => `\ufeff${line}\n`],
  ['a colour around it', (line: string) => `\u001b[32m${line}\u001b[0m\n`],
  ['a colour of 24 bits and spaces', (line: string) => ` \u001b[1m\u001b[38;2;1;2;3m ${line} \u001b[m \n`],
  ['a state of a progress bar before it', (line: string) => `Progress: 50 %\r${line}\n`],
  ['an erased state of a progress bar before it', (line: string) => `50 %\r\u001b[2K\r${line}\r\n`],
  ['CR LF', (line: string) => `${line}\r\n`],
  ['no line break', (line: string) => line],
] as const)('each of them gives the same event with %s', ([, dress]) => {
  for (const { line } of RECORDS) expect(eventsOf(dress(line)), line).toEqual(eventsOf(`${line}\n`));
});

test('the colours of a JSON printer are ignored', () => {
  const printed =
    '\u001b[1;39m{\u001b[0m\u001b[34;1m"level"\u001b[0m:\u001b[0;32m"error"\u001b[0m,\u001b[34;1m"msg"\u001b[0m:\u001b[0;32m"x"\u001b[0m}';
  expect(only(printed)).toMatchObject({ stream: 'LOGGER', level: 'ERROR', message: 'x' });
});

test('the format of a line does not depend on the lines before it', () => {
  const all = RECORDS.map(({ line }) => line).join('\n');
  expect(eventsOf(all)).toEqual(RECORDS.map(({ line }) => only(line)));
});

test('docs/reference/log-formats.md is generated from the table', () => {
  const file = new URL('../../../../../docs/reference/log-formats.md', import.meta.url);
  expect(readFileSync(file, 'utf8'), 'run node scripts/logFormats.ts').toBe(logFormats());
});

test('every row of the table has a line in the fixtures', () => {
  const fitting = new Set(
    FIXTURES.flatMap(({ line }) => FORMATS.filter((format) => fits(format, line)).map(({ name }) => name)),
  );
  expect(FORMATS.map(({ name }) => name).filter((name) => !fitting.has(name))).toEqual([]);
});

const fits = ({ marks, shape }: Format, line: string): boolean => {
  const members = JSON.parse(line.replaceAll(/-?\b(?:NaN|Infinity)\b/g, 'null')) as JsonObject;
  return (marks.length === 0 || marks.some((mark) => mark in members)) && shape?.test(members) !== false;
};
