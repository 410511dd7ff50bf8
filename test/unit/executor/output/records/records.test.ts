import { expect, test } from 'vitest';
import type { LogLineDraft } from '../../../../../src/domain/events.ts';
import { eventsOf, NOW } from '../../../../support/output.ts';

const only = (line: string): LogLineDraft => {
  const events = eventsOf(`${line}\n`);
  expect(events).toHaveLength(1);
  return events[0] as LogLineDraft;
};
const at = (iso: string): number => new Date(iso).getTime();

const TRACEBACK =
  'Traceback (most recent call last):\n  File "app.py", line 7, in <module>\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero';
const STACK = 'TypeError: boom\n    at run (/app/main.js:3:9)\n    at node:internal/main/run_main_module:36:49';

/** Lines that these loggers print. */
const LOGGERS: readonly (readonly [title: string, line: string, event: object])[] = [
  [
    'pino',
    '{"level":30,"time":1531171074631,"pid":657,"hostname":"box","name":"api","msg":"hello world","user":{"id":7}}',
    {
      level: 'INFO',
      timestamp: 1531171074631,
      message: 'hello world',
      logger: 'api',
      fields: { pid: 657, hostname: 'box', user: { id: 7 } },
    },
  ],
  [
    'pino with an error',
    JSON.stringify({
      level: 50,
      time: 1531171074631,
      pid: 1,
      err: { type: 'TypeError', message: 'boom', stack: STACK, code: 'E1' },
      msg: 'it failed',
    }),
    {
      level: 'ERROR',
      timestamp: 1531171074631,
      message: 'it failed',
      exception: { type: 'TypeError', message: 'boom', stack: STACK },
      fields: { pid: 1, err: { code: 'E1' } },
    },
  ],
  [
    'bunyan',
    JSON.stringify({
      name: 'app',
      hostname: 'box',
      pid: 4,
      level: 60,
      err: { message: 'boom', name: 'TypeError', stack: STACK },
      msg: 'dead',
      time: '2012-02-08T22:56:52.856Z',
      v: 0,
    }),
    {
      level: 'CRITICAL',
      timestamp: at('2012-02-08T22:56:52.856Z'),
      message: 'dead',
      logger: 'app',
      exception: { type: 'TypeError', message: 'boom', stack: STACK },
      fields: { hostname: 'box', pid: 4, v: 0 },
    },
  ],
  [
    'winston',
    '{"level":"warn","message":"low disk","service":"user","timestamp":"2024-05-06T07:08:09.123Z"}',
    {
      level: 'WARNING',
      timestamp: at('2024-05-06T07:08:09.123Z'),
      message: 'low disk',
      fields: { service: 'user' },
    },
  ],
  [
    'winston with colours and an error',
    JSON.stringify({ level: '\u001b[31merror\u001b[39m', message: 'boom', stack: STACK }),
    {
      level: 'ERROR',
      timestamp: NOW,
      message: 'boom',
      exception: { type: 'TypeError', message: 'boom', stack: STACK },
    },
  ],
  [
    'python-json-logger',
    JSON.stringify({
      asctime: '2024-01-02 03:04:05,678',
      levelname: 'ERROR',
      name: 'app.db',
      message: 'query failed',
      exc_info: TRACEBACK,
      taskName: null,
    }),
    {
      level: 'ERROR',
      timestamp: at('2024-01-02T03:04:05.678Z'),
      message: 'query failed',
      logger: 'app.db',
      exception: { type: 'ZeroDivisionError', message: 'division by zero', stack: TRACEBACK },
      fields: { taskName: null },
    },
  ],
  [
    'structlog',
    JSON.stringify({
      user: 'u1',
      event: 'logged in',
      level: 'info',
      logger: 'auth',
      timestamp: '2024-05-06T07:08:09.123456Z',
    }),
    {
      level: 'INFO',
      timestamp: at('2024-05-06T07:08:09.123Z'),
      message: 'logged in',
      logger: 'auth',
      fields: { user: 'u1' },
    },
  ],
  [
    'structlog with dict_tracebacks',
    JSON.stringify({
      event: 'failed',
      level: 'error',
      exception: [{ exc_type: 'ZeroDivisionError', exc_value: 'division by zero', frames: [] }],
    }),
    {
      level: 'ERROR',
      timestamp: NOW,
      message: 'failed',
      exception: { type: 'ZeroDivisionError', message: 'division by zero', stack: null },
      fields: { exception: [{ exc_type: 'ZeroDivisionError', exc_value: 'division by zero', frames: [] }] },
    },
  ],
  [
    'zap',
    JSON.stringify({
      level: 'error',
      ts: 1700000000.1234567,
      logger: 'main',
      caller: 'app/main.go:12',
      msg: 'failed to fetch',
      url: 'http://x',
      error: 'EOF',
      stacktrace: 'main.main\n\t/app/main.go:12\nruntime.main\n\t/go/proc.go:250',
    }),
    {
      level: 'ERROR',
      timestamp: 1700000000123,
      message: 'failed to fetch',
      logger: 'main',
      exception: { type: null, message: 'EOF', stack: 'main.main\n\t/app/main.go:12\nruntime.main\n\t/go/proc.go:250' },
      fields: { caller: 'app/main.go:12', url: 'http://x' },
    },
  ],
  [
    'zap with ISO 8601 times',
    '{"level":"DPANIC","ts":"2024-05-06T09:08:09.123+0200","msg":"odd"}',
    { level: 'CRITICAL', timestamp: at('2024-05-06T07:08:09.123Z'), message: 'odd' },
  ],
  [
    'zerolog',
    '{"level":"error","error":"boom","role":"db","time":1516134303,"message":"hello"}',
    {
      level: 'ERROR',
      timestamp: 1516134303000,
      message: 'hello',
      exception: { type: null, message: 'boom', stack: null },
      fields: { role: 'db' },
    },
  ],
  [
    'slog',
    '{"time":"2024-05-06T09:08:09.123456789+02:00","level":"INFO","msg":"hello","count":3,"group":{"a":null}}',
    {
      level: 'INFO',
      timestamp: at('2024-05-06T07:08:09.123Z'),
      message: 'hello',
      fields: { count: 3, group: { a: null } },
    },
  ],
  [
    'logrus',
    '{"animal":"walrus","error":"file: not found","level":"warning","msg":"A group","time":"2014-03-10T19:57:38-04:00"}',
    {
      level: 'WARNING',
      timestamp: at('2014-03-10T23:57:38Z'),
      message: 'A group',
      exception: { type: null, message: 'file: not found', stack: null },
      fields: { animal: 'walrus' },
    },
  ],
  [
    'Google Cloud',
    '{"severity":"NOTICE","message":"ok","component":"cron","timestamp":"2024-05-06T07:08:09Z"}',
    { level: 'INFO', timestamp: at('2024-05-06T07:08:09Z'), message: 'ok', logger: 'cron' },
  ],
  [
    'logstash',
    JSON.stringify({
      '@timestamp': '2024-05-06T07:08:09.5Z',
      level: 'ERROR',
      message: 'no',
      stack_trace: 'java.lang.IllegalStateException: bad\n\tat com.x.Y.z(Y.java:3)',
    }),
    {
      level: 'ERROR',
      timestamp: at('2024-05-06T07:08:09.5Z'),
      message: 'no',
      exception: {
        type: 'java.lang.IllegalStateException',
        message: 'bad',
        stack: 'java.lang.IllegalStateException: bad\n\tat com.x.Y.z(Y.java:3)',
      },
    },
  ],
];

test.for(LOGGERS)('a record of %s becomes the right event', ([, line, event]) => {
  expect(only(line)).toEqual({ kind: 'LogLine', stream: 'LOGGER', ...event });
});

test.for([
  ['trace', 'TRACE'],
  ['silly', 'TRACE'],
  ['verbose', 'DEBUG'],
  ['Debug', 'DEBUG'],
  ['information', 'INFO'],
  ['notice', 'INFO'],
  ['warn', 'WARNING'],
  ['WARNING', 'WARNING'],
  ['err', 'ERROR'],
  ['Severe', 'ERROR'],
  ['crit', 'CRITICAL'],
  ['fatal', 'CRITICAL'],
  ['PANIC', 'CRITICAL'],
  ['emerg', 'CRITICAL'],
  ['DEBUG-4', 'TRACE'],
  ['INFO+2', 'INFO'],
  ['WARN-1', 'INFO'],
  ['ERROR+4', 'CRITICAL'],
  [10, 'TRACE'],
  [20, 'DEBUG'],
  [35, 'INFO'],
  [40, 'WARNING'],
  ['50', 'ERROR'],
  [60, 'CRITICAL'],
  [69.5, 'CRITICAL'],
] as const)('level %s is %s', ([level, expected]) => {
  expect(only(JSON.stringify({ level, msg: 'a' }))).toMatchObject({ stream: 'LOGGER', level: expected });
});

test.for([3, 0, -10, 70, 1e9, '', 'up', '7', null, true, [], {}, 'toString', '__proto__'])(
  'level %s is invalid, so the line is plain',
  (level) => {
    expect(only(JSON.stringify({ level, msg: 'a' }))).toMatchObject({ stream: 'STDOUT', level: 'INFO' });
  },
);

test('if a level or message is unusable, the next name is used', () => {
  expect(only('{"level":3,"severity":"error","msg":{"a":1},"message":"text"}')).toMatchObject({
    level: 'ERROR',
    message: 'text',
    fields: { level: 3, msg: { a: 1 } },
  });
  expect(only('{"level":"info","msg":"first","message":"second","event":"third"}')).toMatchObject({
    message: 'first',
    fields: { message: 'second', event: 'third' },
  });
});

test.for([
  [1700000000, 1700000000000],
  [1700000000.123, 1700000000123],
  [1700000000123, 1700000000123],
  [1700000000123.9, 1700000000123],
  [1700000000123456, 1700000000123],
  ['1700000000123456789', 1700000000123],
  ['1700000000.5', 1700000000500],
  ['2024-01-02T03:04:05Z', at('2024-01-02T03:04:05Z')],
  ['2024-01-02t03:04:05.9999z', at('2024-01-02T03:04:05.999Z')],
  ['2024-01-02 03:04:05+05:30', at('2024-01-01T21:34:05Z')],
  ['2024-01-02T03:04:05.1-08', at('2024-01-02T11:04:05.1Z')],
  ['2016-12-31T23:59:60Z', at('2017-01-01T00:00:00Z')],
  ['2024-02-29T00:00:00Z', at('2024-02-29T00:00:00Z')],
] as const)('time %s is understood', ([time, expected]) => {
  const event = only(JSON.stringify({ level: 'info', msg: 'a', time }));
  expect(event.timestamp).toBe(expected);
  expect(event.fields).toBeUndefined();
});

test.for([
  12.5,
  0,
  -1700000000,
  1e300,
  '',
  'yesterday',
  '2023-02-29T00:00:00Z',
  '2024-13-01T00:00:00Z',
  '2024-01-02T25:00:00Z',
  '0001-01-01T00:00:00Z',
  '03:04:05',
  null,
  {},
  true,
])('time %s is unusable: it stays a field, and the line has the time of reading', (time) => {
  const event = only(JSON.stringify({ level: 'info', msg: 'a', time }));
  expect(event.timestamp).toBe(NOW);
  expect(event.fields).toEqual({ time });
});

test.for([
  ['a text', { error: 'boom: bad' }, { type: null, message: 'boom: bad', stack: null }],
  ['a JavaScript stack', { err: STACK }, { type: 'TypeError', message: 'boom', stack: STACK }],
  [
    'a traceback',
    { exception: TRACEBACK },
    { type: 'ZeroDivisionError', message: 'division by zero', stack: TRACEBACK },
  ],
  ['the last line of a traceback', { exc_info: 'app.NotFound: no\nKeyError: 7' }, { type: 'KeyError', message: '7' }],
  ['one line of an exception', { exc_info: 'ValueError: no' }, { type: 'ValueError', message: 'no', stack: null }],
  ['an object with a name alone', { err: { name: 'AbortError' } }, { type: 'AbortError', message: null, stack: null }],
  ['a stack beside an error', { error: 'boom', stack: 'a\nb' }, { type: null, message: 'boom', stack: 'a\nb' }],
] as const)('an exception as %s is understood', ([, members, exception]) => {
  const event = only(JSON.stringify({ level: 'error', msg: 'a', ...members }));
  expect(event.exception).toMatchObject(exception);
  expect(event.fields).toBeUndefined();
});

test('chained tracebacks give the last exception', () => {
  const text = `${TRACEBACK}\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "app.py", line 9, in <module>\napp.errors.Failed: it\nreally did`;
  expect(only(JSON.stringify({ level: 'error', msg: 'a', exc_info: text })).exception).toEqual({
    type: 'app.errors.Failed',
    message: 'it\nreally did',
    stack: text,
  });
});

test.for([true, null, '', 7, { code: 5 }, ['a']])('%s is not used as an exception and stays a field', (err) => {
  const event = only(JSON.stringify({ level: 'error', msg: 'a', err }));
  expect(event.exception).toBeUndefined();
  expect(event.fields).toEqual({ err });
});

test('several lines, an empty text and a number are valid messages', () => {
  expect(only('{"level":"info","msg":"a\\nb\\r\\n"}').message).toBe('a\nb\r\n');
  expect(only('{"level":"info","msg":""}')).toMatchObject({ stream: 'LOGGER', message: '' });
  expect(only('{"level":"info","msg":7}').message).toBe('7');
});

test('lone surrogates become U+FFFD in messages, loggers, exceptions, names and values of fields', () => {
  const event = only(
    '{"level":"info","msg":"a\\ud800","logger":"\\udc00","err":{"name":"\\ud800x"},"\\ud800":["\\udfff",{"a":"\\ud83d\\ude00"}]}',
  );
  expect(event).toMatchObject({
    message: 'a\ufffd',
    logger: '\ufffd',
    exception: { type: '\ufffdx' },
    fields: { '\ufffd': ['\ufffd', { a: '😀' }] },
  });
});

test('members named __proto__ are ordinary fields and change no prototype', () => {
  const event = only(
    '{"level":"info","msg":"a","__proto__":{"polluted":1,"msg":"b"},"x":{"__proto__":{"polluted":1}}}',
  );
  expect(event.message).toBe('a');
  expect(JSON.stringify(event.fields)).toBe('{"__proto__":{"polluted":1,"msg":"b"},"x":{"__proto__":{"polluted":1}}}');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(only('{"__proto__":{"level":"info","msg":"a"}}').stream).toBe('STDOUT');
});

test.for([
  ['arrays', '['.repeat(20_000), ']'.repeat(20_000)],
  ['objects', '{"a":'.repeat(9_000), `0${'}'.repeat(9_000)}`],
])('JSON of many nested %s is a plain line', ([, open, close]) => {
  const line = `{"level":"info","msg":"a","deep":${open}${close}}`;
  expect(only(line)).toMatchObject({ stream: 'STDOUT', message: line });
});
