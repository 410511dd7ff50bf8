import { expect, test } from 'vitest';
import type { LogLineDraft } from '../../../../../src/domain/events.ts';
import { eventsOf, NOW } from '../../../../support/output.ts';

const only = (members: object | string): LogLineDraft => {
  const events = eventsOf(`${typeof members === 'string' ? members : JSON.stringify(members)}\n`);
  expect(events).toHaveLength(1);
  return events[0] as LogLineDraft;
};
const TIME = '2024-05-06T07:08:09Z';

test.for([
  ['pino', { level: 50, time: 1700000000000, pid: 1, hostname: 'h', code: 5 }, { pid: 1, hostname: 'h', code: 5 }],
  ['zerolog', { level: 'error', time: TIME, code: 5 }, { code: 5 }],
  ['winston', { level: 'error', message: { code: 5 }, timestamp: TIME }, { message: { code: 5 } }],
  ['winston without a time', { level: 'error', message: { code: 5 } }, { message: { code: 5 } }],
  ['winston that logs null', { level: 'error', message: null, timestamp: TIME }, { message: null }],
  [
    'NestJS',
    { level: 'error', pid: 1, timestamp: 1700000000000, message: { a: 1 }, context: 'C' },
    { pid: 1, message: { a: 1 } },
  ],
  ['Python', { levelname: 'ERROR', asctime: '2024-05-06 07:08:09,123', code: 5 }, { code: 5 }],
  ['a level and a time alone', { level: 'error', time: TIME }, undefined],
])('a level and a time make a record without a message: %s', ([, members, fields]) => {
  const event = only(members as object);
  expect(event).toMatchObject({ stream: 'LOGGER', level: 'ERROR', message: '' });
  expect(event.fields).toEqual(fields);
});

test.for([
  { level: 'info' },
  { level: 'info', code: 5 },
  { level: 'error', time: 12.5 },
  { level: 'error', time: 'yesterday' },
  { level: 3, message: 'You found a key' },
  { level: 42, message: 'You reached level 42' },
  { level: 50, score: 7 },
  { time: TIME, message: 'no level' },
  { status: 'error', message: 'not found', timestamp: TIME },
  { type: 'error', data: 'x' },
  { a: 1 },
])('%j is a plain line', (members) => {
  expect(only(members)).toEqual({
    kind: 'LogLine',
    timestamp: NOW,
    level: 'INFO',
    stream: 'STDOUT',
    message: JSON.stringify(members),
  });
});

test.for([
  [
    'logger has priority over name',
    { level: 30, time: 1700000000000, logger: 'controller', name: 'web-1', msg: 'm' },
    'controller',
  ],
  ['logger has priority over name in Python', { levelname: 'INFO', logger: 'auth', name: 'Bob', message: 'm' }, 'auth'],
  [
    'name is the logger of pino',
    { level: 30, time: 1700000000000, pid: 1, hostname: 'h', name: 'api', msg: 'm' },
    'api',
  ],
  [
    'name is the logger of bunyan',
    { name: 'api', hostname: 'h', pid: 1, level: 30, msg: 'm', time: TIME, v: 0 },
    'api',
  ],
  ['name is the logger of Python', { levelname: 'INFO', name: 'app.db', message: 'm' }, 'app.db'],
  [
    'name is the logger of Python with other names',
    { level: 'INFO', name: 'app.db', message: 'm', timestamp: '2024-05-06 07:08:09,123' },
    'app.db',
  ],
  ['name is a field in other formats', { level: 'info', name: 'Bob', event: 'm', timestamp: TIME }, undefined],
  ['name is a field of zap', { level: 'info', ts: 1700000000.5, msg: 'm', name: 'web-1' }, undefined],
])('%s', ([, members, logger]) => {
  const event = only(members as object);
  expect(event.logger).toBe(logger);
  if (logger !== (members as { name: string }).name) {
    expect(event.fields).toMatchObject({ name: (members as { name: string }).name });
  }
});

test('a level and an exception make a record, as in zerolog without a time', () => {
  expect(only({ level: 'error', error: 'boom' })).toMatchObject({ stream: 'LOGGER', exception: { message: 'boom' } });
  expect(only({ level: 'info', error: '0.5 %' }).stream).toBe('STDOUT');
});

const STACKS = [
  'Error: x\n    at run (/app/a.js:1:2)',
  'java.lang.X: y\n\tat a.B.c(B.java:3)',
  'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: x',
  'main.main\n\t/app/main.go:41',
  'goroutine 1 [running]:\nmain.main()',
  '#0 /app/a.php(3): f()\n#1 {main}',
  "a.rb:1:in `x'\n\tfrom b.rb:2:in `y'",
];
test.for(STACKS)('a stack that looks like a trace is an exception: %j', (stack) => {
  const event = only({ level: 'info', msg: 'm', stack });
  expect(event.exception).toMatchObject({ stack });
  expect(event.fields).toBeUndefined();
});

test.for(['production', 'at work', 'full', 'a\nb', '', ['a', 'b'], { name: 'x' }, 7])(
  'a stack that does not look like a trace stays a field: %j',
  (stack) => {
    for (const level of ['info', 'error']) {
      const event = only({ level, msg: 'deployed', stack });
      expect(event.exception).toBeUndefined();
      expect(event.fields).toEqual({ stack });
    }
  },
);

test.for([
  ['info', '0.5 %'],
  ['debug', '12'],
  ['info', 'margin: 3'],
  ['error', 'none'],
  ['error', '<nil>'],
  ['error', 'null'],
  ['error', ''],
])('a member error that describes no failure stays a field: %j', ([level, error]) => {
  const event = only({ level, msg: 'm', error });
  expect(event.exception).toBeUndefined();
  expect(event.fields).toEqual({ error });
});

test.for([
  ['info', { type: 'TypeError', message: 'boom' }],
  ['info', 'ValueError: no'],
  ['info', 'Error: x\n    at run (/app/a.js:1:2)'],
  ['warning', 'connection refused'],
  ['error', 'connection refused'],
])('a member error that describes a failure becomes an exception: %j', ([level, error]) => {
  expect(only({ level, msg: 'm', error }).exception).toBeDefined();
});

test('of two members with the same name the first counts, and the second is a field', () => {
  expect(
    only('{"time":"2024-05-06T07:08:09Z","level":"ERROR","msg":"a","level":"basement","msg":"b","time":"noon"}'),
  ).toMatchObject({
    level: 'ERROR',
    message: 'a',
    timestamp: Date.parse(TIME),
    fields: { level: 'basement', msg: 'b', time: 'noon' },
  });
  expect(only('{"level":"INFO","msg":"a","g":{"level":"x","msg":"y"}}')).toMatchObject({
    message: 'a',
    fields: { g: { level: 'x', msg: 'y' } },
  });
});

test.for([
  [123456789, 'an amount'],
  [1e8, 'a duration in nanoseconds'],
  [4.2e9, 'beyond the year 2100'],
  [9.9e12, 'milliseconds beyond the year 2100'],
  ['123456789', 'an amount as text'],
])('the time %j is not used: %s', ([time]) => {
  expect(only({ level: 'info', msg: 'a', time })).toMatchObject({ timestamp: NOW, fields: { time } });
});

test.for([
  ['2024-05-06 07:08:09.123456789 +0000 UTC', '2024-05-06T07:08:09.123Z'],
  ['2024-05-06 09:08:09.123 +0200 CEST', '2024-05-06T07:08:09.123Z'],
  ['2024-05-06 04:08:09.123 -0300 -03', '2024-05-06T07:08:09.123Z'],
  ['2024-05-06 07:08:09.123456789 +0000 UTC m=+0.000012345', '2024-05-06T07:08:09.123Z'],
  ['2024/05/06 07:08:09', '2024-05-06T07:08:09.000Z'],
  [{ epochSecond: 1714979289, nanoOfSecond: 123456789 }, '2024-05-06T07:08:09.123Z'],
  [{ seconds: 1714979289, nanos: 123456789 }, '2024-05-06T07:08:09.123Z'],
  [{ $date: '2024-05-06T07:08:09.123Z' }, '2024-05-06T07:08:09.123Z'],
  [{ $date: { $numberLong: '1714979289123' } }, '2024-05-06T07:08:09.123Z'],
  [{ date: '2024-05-06 07:08:09.123000', timezone_type: 3, timezone: 'UTC' }, '2024-05-06T07:08:09.123Z'],
])('the time %j is read correctly', ([time, expected]) => {
  expect(new Date(only({ level: 'info', msg: 'a', time }).timestamp).toISOString()).toBe(expected);
});
