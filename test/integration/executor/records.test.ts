/** Output of real commands through a real executor, as it is stored. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LogLineDraft, RunEvent } from '../../../src/domain/events.ts';
import type { EnvVar } from '../../../src/domain/run.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { digestOf, messages, readEvents, readRun, startExecutor, startingRun } from '../../support/runs/executor.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(async () => {
  await server.stop();
});

const env = (variables: Readonly<Record<string, string>>): EnvVar[] =>
  Object.entries(variables).map(([name, value]) => ({ name, value, secret: false }));

/** Runs JavaScript until its end is stored. `own`: variables of the executor's process. */
const node = async (script: string, variables: Record<string, string> = {}, own: Record<string, string> = {}) => {
  const id = await startingRun(redis, { command: [process.execPath, '-e', script], env: env(variables) });
  await using executor = await startExecutor(server.url, id, { variables: own });
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  return { events, run: await readRun(redis, id), records: events.filter(isRecord) };
};
const isRecord = (event: RunEvent): event is RunEvent & LogLineDraft =>
  event.kind === 'LogLine' && event.stream === 'LOGGER';

const RECORD = '{"asctime": "2026-11-27 12:04:50,670", "levelname": "INFO", "name": "app", "message": "hello"}';
const printRecord = `console.log(${JSON.stringify(RECORD)})`;

test.for([
  ['its TZ', { TZ: 'America/New_York' }, { TZ: 'Asia/Tokyo' }, '2026-11-27T17:04:50.670Z'],
  ['its TZ as a rule', { TZ: 'CET-1CEST,M3.5.0,M10.5.0/3' }, {}, '2026-11-27T11:04:50.670Z'],
  ['UTC for an unknown TZ', { TZ: 'Nowhere/Land' }, { TZ: 'Asia/Tokyo' }, '2026-11-27T12:04:50.670Z'],
  ["the machine's TZ if it sets none", {}, { TZ: 'Asia/Tokyo' }, '2026-11-27T03:04:50.670Z'],
] as const)('a time without an offset is read in %s', async ([, variables, own, expected]) => {
  const before = Date.now();
  const { events, records } = await node(printRecord, { ...variables }, { ...own });
  expect(records.map(({ timestamp }) => new Date(timestamp).toISOString())).toEqual([expected]);
  // The executor's clock is not shifted.
  for (const event of events.filter((one) => one.kind !== 'LogLine')) {
    expect(Math.abs(event.timestamp - before)).toBeLessThan(3_600_000);
  }
});

test('local times printed by a program are read correctly in each zone', async () => {
  const script = `const d = new Date(1782907200123), p = (n, l = 2) => String(n).padStart(l, '0');
    console.log(JSON.stringify({ levelname: 'INFO', message: 'm', asctime: d.getFullYear() + '-' + p(d.getMonth() + 1) + '-' + p(d.getDate()) + ' ' + p(d.getHours()) + ':' + p(d.getMinutes()) + ':' + p(d.getSeconds()) + ',' + p(d.getMilliseconds(), 3) }))`;
  for (const TZ of ['America/St_Johns', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC']) {
    const { records } = await node(script, { TZ });
    expect(records[0]?.timestamp, TZ).toBe(1782907200123);
  }
});

test('an output of 66,000 bytes, and one of 96 KiB, are stored on the run', async () => {
  for (const bytes of [66_000, 96 * 1024]) {
    const { run, events } = await node(`console.log('::output::' + JSON.stringify('x'.repeat(${bytes - 2})))`);
    expect(run.output).toBe('x'.repeat(bytes - 2));
    expect(run.status).toBe('COMPLETED');
    expect(events.filter(({ kind }) => kind === 'OutputProduced')).toHaveLength(1);
  }
});

test('a larger output is reported, is not part of the digest, and leaves the one before in place', async () => {
  const { run, events } = await node(
    `console.log('::output::{"a":1}'); console.log('::output::' + JSON.stringify('x'.repeat(98303))); console.log('end')`,
  );
  expect(run.output).toEqual({ a: 1 });
  expect(events.filter((event) => event.kind === 'LogLine' && event.stream === 'SYSTEM')).toMatchObject([
    { level: 'ERROR', message: expect.stringContaining('98304') },
  ]);
  expect(run.digest).toBe(digestOf(['end']));
});

test('64-bit numbers are stored with all their digits', async () => {
  const { run } = await node(`console.log('::output::{"id":1234567890123456789,"x":1e400}')`);
  expect(JSON.stringify(run.output)).toBe('{"id":1234567890123456789,"x":1e400}');
});

test('lines in UTF-16 are decoded, and the digest covers the decoded text', async () => {
  const { events, run } = await node(
    `process.stdout.write(Buffer.from('\\ufeffeins\\r\\nzwei\\r\\n日本\\r\\n', 'utf16le'))`,
  );
  expect(messages(events)).toEqual(['eins', 'zwei', '日本']);
  expect(run.digest).toBe(digestOf(['eins', 'zwei', '日本']));
});
