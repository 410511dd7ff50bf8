/** Packing a log keeps little in memory, and does not read full entries. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/domain/events.ts';
import type { RunId } from '../../src/domain/ids.ts';
import { packLog } from '../../src/log/pack.ts';
import { logKey } from '../../src/wire/keys.ts';
import { createRun, finished, line, PlainWriter, storedEntries } from '../support/log.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(() => server.stop());

/** Bytes that Redis has sent to all clients. */
const sent = async (): Promise<number> =>
  Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1] ?? 0);
/** A full entry of few events: 400 kB that zstd hardly compresses. */
const full = (writer: PlainWriter) =>
  writer.append(Array.from({ length: 8 }, () => line(randomBytes(25_000).toString('hex'))));
const all = async (runId: RunId): Promise<RunEvent[]> =>
  (await storedEntries(redis, runId)).flatMap((entry) => entry.events());

test('W8a: a log of full entries is neither read nor changed by packing', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 60; i += 1) await full(writer);
  await writer.append([finished()]);
  const stored = Number(await redis.memory('USAGE', logKey(writer.runId), 'SAMPLES', 0));
  expect(stored).toBeGreaterThan(10_000_000);
  const before = await sent();
  expect(await packLog(redis, writer.runId)).toBeNull();
  expect((await sent()) - before).toBeLessThan(100_000);
});

test('W8a: packing reads only the small entries of a log, and keeps all events', async () => {
  const writer = await new PlainWriter(redis, await createRun(redis)).claim();
  for (let i = 0; i < 400; i += 1) await writer.lines(3);
  for (let i = 0; i < 30; i += 1) await full(writer);
  for (let i = 0; i < 400; i += 1) await writer.lines(3);
  await writer.append([finished()]);
  const events = await all(writer.runId);
  const entries = await redis.xlen(logKey(writer.runId));
  const before = await sent();
  const left = await packLog(redis, writer.runId);
  expect((await sent()) - before).toBeLessThan(1_000_000);
  expect(left).toBeLessThan(entries / 10);
  expect(await redis.xlen(logKey(writer.runId))).toBe(left);
  expect(await all(writer.runId)).toEqual(events);
  expect(await packLog(redis, writer.runId)).toBeNull();
});
