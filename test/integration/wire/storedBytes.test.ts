/** The bytes that a line of a live run takes in Redis, by the size of the batches. Counts, not times. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linesFrom } from '../../../bench/lines.ts';
import type { LogWriter } from '../../../executor/write/logWriter.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { openWriter } from '../../support/runs/writer.ts';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = await server.connect();
});
afterAll(() => server.stop());

const LINES = 6000;

test.for([
  { perBatch: 1, bound: 45 },
  { perBatch: 5, bound: 45 },
  { perBatch: 10, bound: 30 },
  { perBatch: 50, bound: 30 },
])(
  'A line of 100 bytes takes at most $bound bytes of Redis at $perBatch lines a batch.',
  async ({ perBatch, bound }) => {
    const runId = await createRun(redis);
    const { writer } = await openWriter(redis, runId);
    let most = 0;
    for (let next = 1; next <= LINES; next += perBatch) {
      writer.lines('STDOUT', 1_700_000_000_000 + 3 * next, linesFrom(next, perBatch, 5_000_000 + 900 * next), perBatch);
      await writer.flush();
      if (next < LINES / 2 || next % 100 !== 1) continue;
      const bytes = Number(await redis.memory('USAGE', logKey(runId), 'SAMPLES', 0));
      most = Math.max(most, bytes / (next + perBatch - 1));
    }
    expect(most).toBeLessThanOrEqual(bound);
    expect(await redis.hget(recordKey(runId), 'lines')).toBe(String(LINES));
  },
);

test('A line of 100 bytes takes at most 15 bytes of Redis in a flood, whose large batches are not compacted.', async () => {
  const runId = await createRun(redis);
  const { writer } = await openWriter(redis, runId);
  // As much as one read of a pipe gives, with the timestamps of a command that writes half a million lines a second.
  const piece = 648;
  const pieces = Array.from({ length: 150 }, (_, i) => linesFrom(1 + i * piece, piece, 5_000_000 + 1296 * i));
  for (const [i, text] of pieces.entries()) {
    writer.lines('STDOUT', 1_700_000_000_000 + Math.floor(1.3 * i), text, piece);
    // The command is faster than the store: several pieces are written within one round trip.
    await untilStored(writer, 6 * piece);
  }
  await writer.flush();
  const ids = (await redis.xrange(logKey(runId), '-', '+')).map(([id]) => id);
  expect(ids.filter((id) => id.endsWith('-1'))).toHaveLength(0);
  expect(ids.length).toBeLessThan(60);
  const bytes = Number(await redis.memory('USAGE', logKey(runId), 'SAMPLES', 0));
  expect(bytes / (150 * piece)).toBeLessThanOrEqual(15);
  expect(await redis.hget(recordKey(runId), 'lines')).toBe(String(150 * piece));
});

/** Waits until at most this many lines are not yet stored. */
const untilStored = async (writer: LogWriter, lines: number): Promise<void> => {
  while (writer.totals.lines + 1 - writer.storedSeq > lines) await turn();
};
