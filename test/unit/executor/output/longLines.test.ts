import { expect, test } from 'vitest';
import { LIMITS } from '../../../../src/domain/limits.ts';
import { cutAtPlaces, eventsOf, NOW, startOutput } from '../../../support/output.ts';

const TIME = '2024-05-06T07:08:09Z';
const CHUNK = 64 * 1024;
/** In the chunks that a pipe returns. */
const inChunks = (text: string, maxLineBytes: number) => {
  const bytes = Buffer.from(text);
  const places = Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, at) => at * CHUNK);
  return eventsOf(cutAtPlaces(bytes, places), { maxLineBytes });
};

for (const maxLineBytes of [16, 1024, 65_536, 262_144]) {
  const beyond = maxLineBytes + 5000;

  test(`outputs of up to 96 KiB are accepted if MAX_LINE_BYTES is ${maxLineBytes}`, () => {
    const value = (bytes: number) => ({ a: 'é'.repeat((bytes - 8) / 2) });
    const largest = value(LIMITS.outputBytes);
    expect(Buffer.byteLength(JSON.stringify(largest))).toBe(LIMITS.outputBytes);
    for (const json of [JSON.stringify(largest), JSON.stringify(largest).replaceAll('é', '\\u00e9')]) {
      expect(inChunks(`::output::${json}\nb\n`, maxLineBytes)).toMatchObject([
        { kind: 'OutputProduced', value: largest },
        { message: 'b' },
      ]);
    }
    expect(inChunks(`::event name=a::${JSON.stringify(largest)}\n`, maxLineBytes)).toMatchObject([
      { kind: 'CustomEvent', data: largest },
    ]);
  });

  test(`a larger output is reported as an error line if MAX_LINE_BYTES is ${maxLineBytes}`, () => {
    for (const size of [LIMITS.outputBytes - 1, 200_000, 1_100_000, 3_000_000]) {
      for (const [command, what] of [
        ['output', 'output'],
        ['event name=a', 'event'],
      ]) {
        const events = inChunks(`::${command}::"${'x'.repeat(size)}"\nb\n`, maxLineBytes);
        expect(events).toMatchObject([
          { kind: 'LogLine', level: 'ERROR', stream: 'SYSTEM', message: expect.stringContaining(`The ${what}`) },
          { message: 'b' },
        ]);
      }
    }
  });

  test.for(['debug', 'notice', 'warning', 'error'])(
    `a long ::%s:: keeps its level if MAX_LINE_BYTES is ${maxLineBytes}`,
    (name) => {
      const [short] = eventsOf(`::${name}::x`);
      for (const size of [beyond, 2_000_000]) {
        const [event] = inChunks(`::${name} file=a.ts::${'x'.repeat(size)}\n`, maxLineBytes);
        expect(event).toEqual({
          ...short,
          message: 'x'.repeat(maxLineBytes),
          fields: { file: 'a.ts' },
          annotation: { kind: name.toUpperCase(), file: 'a.ts' },
          truncated: true,
        });
      }
    },
  );

  test(`a long record keeps level, logger and time if MAX_LINE_BYTES is ${maxLineBytes}`, () => {
    const text = 'é'.repeat(beyond);
    const kept = { kind: 'LogLine', stream: 'LOGGER', level: 'ERROR', timestamp: Date.parse(TIME), truncated: true };
    const records = [
      { level: 'error', time: TIME, logger: 'a.b', msg: text },
      { msg: text, logger: 'a.b', time: TIME, level: 'error' },
      { level: 'error', time: TIME, logger: 'a.b', msg: 'short', big: text },
      { big: [text], level: 'error', time: TIME, logger: 'a.b', msg: 'short' },
      { level: 'error', time: TIME, logger: 'a.b', err: { type: 'E', message: 'bad', stack: text } },
    ];
    for (const record of records) {
      for (const json of [JSON.stringify(record), JSON.stringify(record).replaceAll('é', '\\u00e9')]) {
        const [event] = inChunks(`${json}\n`, maxLineBytes);
        expect(event).toMatchObject({ ...kept, logger: 'a.b' });
        const { message, fields, exception } = event as { message: string; fields?: object; exception?: object };
        expect(record.msg === undefined || record.msg.startsWith(message)).toBe(true);
        expect(message.length).toBeGreaterThan(record.msg === undefined ? -1 : 0);
        const size = Buffer.byteLength(message + JSON.stringify([fields ?? null, exception ?? null]));
        expect(size).toBeLessThanOrEqual(maxLineBytes + 200);
      }
    }
  });
}

test('a record is not cut if only its white space exceeds the limit', () => {
  const line = `{"level":"error",${' '.repeat(1100)}"msg":"short","a":1}`;
  expect(eventsOf(line, { maxLineBytes: 1024 })).toEqual([
    { kind: 'LogLine', timestamp: NOW, level: 'ERROR', stream: 'LOGGER', message: 'short', fields: { a: 1 } },
  ]);
});

test.for([1_200_000, 5_000_000])('a record of %d bytes keeps the members in its first MiB', (size) => {
  const kept = { level: 'ERROR', stream: 'LOGGER', logger: 'l', timestamp: Date.parse(TIME), truncated: true };
  const head = `{"level":"error","time":"${TIME}","logger":"l",`;
  expect(inChunks(`${head}"id":7,"msg":"${'\\u00e9'.repeat(size / 6)}","z":1}\nb\n`, 65_536)).toMatchObject([
    { ...kept, message: 'é'.repeat(32_768) },
    { message: 'b' },
  ]);
  expect(inChunks(`${head}"msg":"m","big":["${'x'.repeat(size)}"]}\n`, 65_536)).toMatchObject([
    { ...kept, message: 'm' },
  ]);
  expect(inChunks(`${head}"msg":"m","big":[${'1,'.repeat(size / 2)}1]}\n`, 65_536)).toMatchObject([
    { ...kept, message: 'm' },
  ]);
  expect(inChunks(`${head}"msg":"m","n":${'1'.repeat(size)}}\n`, 65_536)[0]).toMatchObject({ ...kept, message: 'm' });
});

test('a record of megabytes keeps a level, logger and time that follow its message', () => {
  for (const size of [1_200_000, 5_000_000]) {
    const end = {
      name: 'a.b',
      levelname: 'ERROR',
      asctime: '2024-05-06 07:08:09,000',
      extra: { a: [1, { level: 'x' }] },
    };
    const line = JSON.stringify({ message: 'x'.repeat(size), ...end });
    expect(inChunks(`${line}\n`, 65_536)).toMatchObject([
      { level: 'ERROR', stream: 'LOGGER', logger: 'a.b', timestamp: Date.parse(TIME), truncated: true },
    ]);
  }
});

test('long groups and labels are cut, and a long invalid command becomes a cut plain line', () => {
  const long = 'x'.repeat(2000);
  expect(
    eventsOf(`::group::${long}\n::progress current=1::${long}\n::output::{${long}\n{${long}}\n`, {
      maxLineBytes: 1024,
    }),
  ).toMatchObject([
    { kind: 'GroupStarted', name: 'x'.repeat(1024) },
    { kind: 'ProgressUpdated', label: 'x'.repeat(1024) },
    { kind: 'LogLine', level: 'INFO', message: `::output::{${'x'.repeat(1013)}`, truncated: true },
    { kind: 'LogLine', level: 'INFO', message: `{${'x'.repeat(1023)}`, truncated: true },
  ]);
});

test.for(['{"level":"info","msg":"', '::output::"', '::error::', '{'])(
  'a line of 1 GiB that begins with %s does not grow memory',
  (start) => {
    const { stdout, sink } = startOutput();
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    stdout.write(Buffer.from(start), NOW);
    stdout.write(chunk, NOW);
    stdout.write(chunk, NOW);
    const before = process.memoryUsage().rss;
    for (let count = 2; count < 1024; count += 1) stdout.write(chunk, NOW);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
    stdout.write(Buffer.from('\nafter\n'), NOW);
    expect(sink.drafts).toHaveLength(2);
  },
);
