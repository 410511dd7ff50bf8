/** An executor that takes over an attempt after another one wrote to its log. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { createRun, line, PlainWriter } from '../../support/log.ts';
import { startRedis } from '../../support/redis/redis.ts';
import {
  becomeStarting,
  digestOf,
  isWhole,
  messages,
  readEvents,
  startExecutor,
  startingRun,
} from '../../support/runs/executor.ts';

const BATCHES = 50;
const said = { kind: 'LogLine', timestamp: 1, level: 'WARNING' } as const;
const SAY = { command: ['echo', 'from the second'] };

/** A run in whose first attempt another writer stored 50 batches of two lines, and a line of stream SYSTEM in the last. */
const runningRun = async (redis: Redis, changes: Partial<RunRecord> = {}): Promise<RunId> => {
  const id = await startingRun(redis, { ...SAY, ...changes });
  const writer = await new PlainWriter(redis, id).claim();
  for (let i = 1; i < BATCHES; i += 1) await writer.lines(2, 'häß\u2028 "\\');
  await writer.append([
    line('last'),
    { ...said, stream: 'SYSTEM', message: 'not of the command' },
    { ...said, stream: 'LOGGER', message: 'a record\nof two lines' },
  ]);
  await redis.hset(recordKey(id), { status: 'RUNNING', startedAt: String(Date.now()) });
  return id;
};

test('E5c: the digest covers the lines that the previous executor has stored', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await runningRun(redis);
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  const events = await readEvents(redis, id);
  const lines = messages(events);
  expect(isWhole(events)).toBe(true);
  expect(lines).toHaveLength(2 * BATCHES + 1);
  expect(lines.at(-1)).toBe('from the second');
  const end = { lines: lines.length + 1, digest: digestOf(lines) };
  expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', status: 'COMPLETED', ...end });
});

test('the digest covers no earlier attempt, which can have holes', async () => {
  await using ends = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'rl-once-'));
  ends.defer(() => rm(directory, { recursive: true }));
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await createRun(redis, {
    command: ['sh', '-c', 'echo "$$"; if mkdir "$1" 2>/dev/null; then sleep 60; fi', 'sh', join(directory, 'first')],
    nextAttempt: 2,
  });
  const earlier = await new PlainWriter(redis, id).claim();
  for (let i = 0; i < 30; i += 1) await earlier.lines(3);
  await redis.xdel(logKey(id), `${earlier.nextSeq - 4}-0`);
  await redis.hset(recordKey(id), { term: '0', writer: 'api' });
  await becomeStarting(redis, id, 2);
  const ofThis = async (): Promise<string[]> =>
    messages((await readEvents(redis, id)).filter(({ attempt }) => attempt === 2));
  await using first = await startExecutor(server.url, id, { attempt: 2 });
  await expect.poll(ofThis, { timeout: 20_000 }).toHaveLength(1);
  await using second = await startExecutor(server.url, id, { attempt: 2 });
  expect(await first.exited).toBe(4);
  expect(await second.exited).toBe(0);
  const lines = await ofThis();
  expect(lines).toHaveLength(2);
  expect((await readEvents(redis, id)).at(-1)).toMatchObject({ kind: 'RunFinished', digest: digestOf(lines) });
});

test.each([
  ['the budget has dropped', { maxLogBytes: 400 }, null],
  ['Redis has lost', {}, 40],
])('E5c: the digest is null if %s some of the lines of the previous executor', async (_, changes, lost) => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await runningRun(redis, changes);
  if (lost !== null) await redis.xdel(logKey(id), `${lost}-0`);
  expect(isWhole(await readEvents(redis, id))).toBe(false);
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  expect((await readEvents(redis, id)).at(-1)).toMatchObject({ status: 'COMPLETED', digest: null });
});
