import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { packLog } from '../../../src/log/pack.ts';
import { fixedKey, logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, finished, line, PlainWriter, storedEntries } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(() => server.stop());

const all = async (runId: RunId): Promise<RunEvent[]> =>
  (await storedEntries(redis, runId)).flatMap((entry) => entry.events());
const text = (i: number) =>
  `2026-11-22T10:00:${i % 60}Z INFO worker-${i % 8} handled request ${i} in ${i % 97} ms with status 200 for user`;
const quietRun = async (lines: number, per: number, changes = {}) => {
  const writer = await new PlainWriter(redis, await createRun(redis, changes)).claim();
  for (let i = 0; i < lines; i += per) await writer.append(Array.from({ length: per }, (_, k) => line(text(i + k))));
  await writer.append([{ kind: 'GroupStarted', timestamp: 5, name: 'last' }]);
  return writer;
};

/** What a finished run has, in the order of the names. */
const keysOf = (id: RunId): string[] => [recordKey, fixedKey, logKey].map((key) => key(id));

test('W8: the packed log of a finished run has the same events in a fraction of the entries and bytes, and its TTL', async () => {
  const writer = await quietRun(2000, 5);
  expect(await packLog(redis, writer.runId)).toBeNull();
  await writer.append([finished()]);
  const before = await all(writer.runId);
  const bytes = Number(await redis.memory('USAGE', logKey(writer.runId), 'SAMPLES', 0));
  expect(await packLog(redis, writer.runId)).toBe(1);
  expect(await all(writer.runId)).toEqual(before);
  expect(Number(await redis.memory('USAGE', logKey(writer.runId), 'SAMPLES', 0))).toBeLessThan(bytes / 3);
  expect(await redis.pttl(logKey(writer.runId))).toBeGreaterThan(3_000_000);
  expect((await redis.keys(`run:{${writer.runId}}*`)).sort()).toEqual(keysOf(writer.runId));
  // Packing again changes nothing.
  expect(await packLog(redis, writer.runId)).toBeNull();
  expect((await writer.append([line('late')], 4000)).code).toBe('CLOSED');
});

test('packing keeps the hole of a log over its budget in its place', async () => {
  const writer = await quietRun(2000, 5, { maxLogBytes: 40_000 });
  await writer.append([finished()]);
  const before = await all(writer.runId);
  expect(before.some((event) => event.kind === 'LinesDropped')).toBe(true);
  expect(await packLog(redis, writer.runId)).toBeGreaterThan(0);
  expect(await all(writer.runId)).toEqual(before);
});

test('packing leaves nothing of a run that is removed meanwhile, and two packings at once have the effect of one', async () => {
  const gone = await quietRun(100, 5);
  await gone.append([finished()]);
  const packing = packLog(redis, gone.runId);
  await redis.del(...keysOf(gone.runId));
  expect(await packing).toBeNull();
  expect((await redis.keys(`run:{${gone.runId}}*`)).length).toBe(0);
  const twice = await quietRun(1000, 5);
  await twice.append([finished()]);
  const before = await all(twice.runId);
  const answers = await Promise.all([packLog(redis, twice.runId), packLog(redis, twice.runId)]);
  expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
  expect(await all(twice.runId)).toEqual(before);
  expect((await redis.keys(`run:{${twice.runId}}*`)).sort()).toEqual(keysOf(twice.runId));
});

test('the log stays as it is where an attempt took the TTL of its record away', async () => {
  const writer = await quietRun(100, 5);
  await writer.append([finished()]);
  const before = await all(writer.runId);
  await redis.persist(recordKey(writer.runId));
  expect(await packLog(redis, writer.runId)).toBeNull();
  expect(await all(writer.runId)).toEqual(before);
  expect((await redis.keys(`run:{${writer.runId}}*`)).sort()).toEqual(keysOf(writer.runId));
});
