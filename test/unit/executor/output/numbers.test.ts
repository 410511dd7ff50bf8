import { expect, test } from 'vitest';
import { createOutput } from '../../../../executor/output/output.ts';
import type { EventDraft } from '../../../../src/domain/events.ts';
import { eventsOf } from '../../../support/output.ts';

/** The event after it was stored and read. */
const stored = (line: string, secrets: readonly string[] = []): string => {
  const texts: string[] = [];
  const event = (draft: EventDraft): void => void texts.push(JSON.stringify(draft));
  const output = createOutput({
    sink: { lines: (_, __, text) => texts.push(text.toString()), event },
    maxLineBytes: 65_536,
    secrets,
  });
  output.stdout.write(Buffer.from(`${line}\n`), 0);
  return texts.join('\n');
};

const NUMBERS = [
  '1234567890123456789',
  '-9223372036854775808',
  '18446744073709551615',
  '1e400',
  '0.1000000000000000055',
  '1.0',
  '-0',
  '123456789012345678901234567890',
];

test.for(NUMBERS)('the number %s keeps its digits in fields, outputs, events and messages', (number) => {
  for (const secrets of [[], ['hunter2']]) {
    expect(stored(`{"level":"info","msg":"x","id":${number},"deep":[{"a":${number}}]}`, secrets)).toContain(
      `"fields":{"id":${number},"deep":[{"a":${number}}]}`,
    );
    expect(stored(`::output::{"id":${number}}`, secrets)).toContain(`"value":{"id":${number}}`);
    expect(stored(`::output::${number}`, secrets)).toContain(`"value":${number}`);
    expect(stored(`::event name=a::[${number}]`, secrets)).toContain(`"data":[${number}]`);
    expect(stored(`{"level":"info","msg":${number}}`, secrets)).toContain(`"message":"${number}"`);
  }
});

test('a text that looks like a number stays a text', () => {
  expect(stored('{"level":"info","msg":"x","id":"1234567890123456789","b":"a\\":1e400"}')).toContain(
    '{"id":"1234567890123456789","b":"a\\":1e400"}',
  );
});

test('a time keeps its milliseconds, however many digits it has', () => {
  const times = ['1700000000123456789', '1700000000.123456789', '1700000000123.0', '1.700000000123e9'];
  for (const time of times)
    expect(eventsOf(`{"level":"info","msg":"x","time":${time}}`)[0]?.timestamp).toBe(1700000000123);
  expect(eventsOf('{"level":30.0,"msg":"x"}')[0]).toMatchObject({ level: 'INFO' });
});

test.for(['NaN', 'Infinity', '-Infinity'])('%s becomes null everywhere in JSON except in texts', (token) => {
  const json = `{"a": ${token}, "b": [${token},{"c":${token}}], "${token}": "is ${token}", "d": "\\"${token}, ${token}\\\\", "e": 1234567890123456789}`;
  const value = { a: null, b: [null, { c: null }], [token]: `is ${token}`, d: `"${token}, ${token}\\` };
  expect(eventsOf(`{"level":"warning","event":"epoch","x":${json}}`)).toMatchObject([
    { stream: 'LOGGER', level: 'WARNING', message: 'epoch', fields: { x: value } },
  ]);
  expect(eventsOf(`::output::${json}`)).toMatchObject([{ kind: 'OutputProduced', value }]);
  expect(eventsOf(`::output::${token}`)).toMatchObject([{ kind: 'OutputProduced', value: null }]);
  expect(eventsOf(`::event name=a::${json}`)).toMatchObject([{ kind: 'CustomEvent', data: value }]);
  expect(stored(`::output::${json}`)).toContain('"e":1234567890123456789');
});

test.for(['nan', 'NaNa', 'aNaN', 'Infinityx', '- Infinity', '+Infinity', '--Infinity', 'NaN NaN'])(
  '%s is not accepted as JSON',
  (token) => {
    expect(eventsOf(`{"level":"info","msg":"x","a":${token}}`)).toMatchObject([{ stream: 'STDOUT' }]);
    expect(eventsOf(`::output::${token}`)).toMatchObject([{ kind: 'LogLine', stream: 'STDOUT' }]);
  },
);
