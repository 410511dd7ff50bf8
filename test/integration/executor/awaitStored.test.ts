import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { parseControlMessage } from '../../../src/wire/announcements.ts';
import { claimLog } from '../../../src/wire/append.ts';
import { controlChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { testAccess } from '../../support/redis/executorAccess.ts';
import { startRedis } from '../../support/redis/redis.ts';
import {
  fixture,
  readEvents,
  readRun,
  startExecutor,
  startingRun,
  untilLine,
  untilStatus,
} from '../../support/runs/executor.ts';
import { until } from '../../support/runs/runs.ts';

/** Restores an earlier state of a run, as a Redis shows it that lost its newest second. */
const snapshot = async (redis: Redis, id: RunId): Promise<() => Promise<void>> => {
  const keys = [recordKey(id), logKey(id)];
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return async () => {
    const multi = redis.multi();
    for (const [i, key] of keys.entries()) multi.restore(key, 0, dumps[i] as Buffer, 'REPLACE');
    await multi.exec();
  };
};

test('W4d: with a lossy Redis an executor stays after its final batch and restores what is lost, more than once', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: [fixture('counts.sh'), '20', '0.02'], lingerMs: 5000 });
  await using executor = await startExecutor(server.url, id);
  await untilLine(redis, id, 'line 5');
  const lose = await snapshot(redis, id);
  await untilStatus(redis, id, 'COMPLETED');
  const [seen, ended] = [await readEvents(redis, id), await readRun(redis, id)];
  for (let losses = 0; losses < 3; losses += 1) {
    await lose();
    expect((await readRun(redis, id)).status).toBe('RUNNING');
    const again = await untilStatus(redis, id, 'COMPLETED');
    expect(again).toEqual({ ...ended, version: expect.any(Number) });
    expect(await readEvents(redis, id)).toEqual(seen);
  }
  expect(await redis.pttl(recordKey(id))).toBeGreaterThan(0);
  expect(await redis.pttl(logKey(id))).toBeGreaterThan(0);
  expect(await executor.exited).toBe(0);
});

test('W4d: with a Redis that loses nothing an executor exits at once', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  let told = 0;
  const listener = await server.connect();
  const id = await startingRun(redis, { command: ['true'] });
  listener.on('message', (_channel, message) => {
    if (parseControlMessage(message)?.kind !== 'UPDATED') told += 1;
  });
  await listener.subscribe(controlChannel(id));
  await using executor = await startExecutor(server.url, id);
  expect(await executor.exited).toBe(0);
  expect((await readRun(redis, id)).status).toBe('COMPLETED');
  expect(told).toBe(0);
});

test('W4d: the guard period ends early on SIGTERM, when the run is removed, and when another writer follows', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const inGuardPeriod = async (changes: Parameters<typeof startingRun>[1] = {}) => {
    const id = await startingRun(redis, { command: ['false'], lingerMs: 600_000, ...changes });
    const executor = await startExecutor(server.url, id);
    await until(
      () => readRun(redis, id),
      (run) => run.status !== 'STARTING' && run.status !== 'RUNNING',
    );
    return { id, executor };
  };
  const terminated = await inGuardPeriod();
  terminated.executor.child.kill('SIGTERM');
  const removed = await inGuardPeriod();
  await redis.del(recordKey(removed.id), logKey(removed.id));
  const followed = await inGuardPeriod({ maxAttempts: 2 });
  const claim = await claimLog(redis, followed.id, { writer: 'supervisor:2', attempt: 2, statuses: ['PENDING'] });
  expect(claim.code).toBe('OK');
  for (const { executor } of [terminated, removed, followed]) {
    expect(await executor.exited).toBe(0);
    await executor[Symbol.asyncDispose]();
  }
  expect(await redis.exists(recordKey(removed.id))).toBe(0);
  expect(await readRun(redis, followed.id)).toMatchObject({ status: 'PENDING', writer: 'supervisor:2' });
}, 30_000);

test('W4d: the Redis user of an attempt can restore what is lost', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  await using opened = await testAccess(server.url);
  const id = await startingRun(redis, { command: [fixture('counts.sh'), '10', '0.02'], lingerMs: 500 });
  const url = await opened.access.open(id, 1);
  const hints: string[] = [];
  const listener = await server.connect();
  listener.on('message', (_channel, hint) => hints.push(parseControlMessage(hint)?.kind ?? hint));
  await listener.subscribe(controlChannel(id));
  await using executor = await startExecutor(url, id);
  await untilLine(redis, id, 'line 5');
  const lose = await snapshot(redis, id);
  await untilStatus(redis, id, 'COMPLETED');
  const seen = await readEvents(redis, id);
  await lose();
  await untilStatus(redis, id, 'COMPLETED');
  expect(await readEvents(redis, id)).toEqual(seen);
  expect(await executor.exited).toBe(0);
  expect(hints.filter((kind) => kind !== 'UPDATED')).toEqual(['ended']);
});

test('W4e: an executor in its guard period waits for a Redis that is away, for a limited time, and then exits', async () => {
  const awayMs = 3000;
  await using server = await startRedis();
  const redis = await server.connect();
  const id = await startingRun(redis, { command: ['true'], lingerMs: 600_000 });
  await using executor = await startExecutor(server.url, id, { args: [`--guard-away-ms=${awayMs}`] });
  await untilStatus(redis, id, 'COMPLETED');
  process.kill(server.pid, 'SIGSTOP');
  try {
    const awayAt = performance.now();
    expect(await executor.exited).toBe(0);
    // A little less, because Redis was asked before it was stopped.
    expect(performance.now() - awayAt).toBeGreaterThan(awayMs - 2000);
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
});
