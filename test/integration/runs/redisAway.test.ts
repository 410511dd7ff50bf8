import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Unavailable } from '../../../src/domain/errors.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { openService, specOf, storedEvents, until, untilFinished } from '../../support/runs/runs.ts';

const executor = fileURLToPath(new URL('../../fixtures/executors/never-reports.ts', import.meta.url));
const CONFIG = ['--appendonly', 'yes', '--appendfsync', 'always'];
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rl-away-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('while Redis is away supervision waits; afterwards it reports what ended meanwhile, and the queue continues', async () => {
  const first = await startRedis({ directory, config: CONFIG });
  const rejections: unknown[] = [];
  const note = (reason: unknown): unknown => rejections.push(reason);
  process.on('unhandledRejection', note);
  await using one = await openService({ server: first, masterKey: randomBytes(32), directory, executor });
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => runs.get(id),
    (run) => (run?.lastSeq ?? 0) >= 3,
  );

  process.kill(first.pid, 'SIGKILL');
  await expect(runs.get(id)).rejects.toThrow(Unavailable);
  await expect(runs.start({ spec: specOf(), idempotencyKey: null })).rejects.toThrow(Unavailable);
  await (await one.launcher.find(id, 1))?.stop(0);
  await until(
    () => one.launcher.list(),
    (list) => list.length === 1,
  );

  await using second = await startRedis({ directory, config: CONFIG });
  const run = await untilFinished(runs, id);
  expect(run).toMatchObject({
    status: 'FAILED',
    failure: { reason: 'EXECUTOR_LOST', message: expect.stringContaining('SIGKILL') },
  });
  const redis = await second.connect();
  const events = await storedEvents(redis, id);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));

  const next = await runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => runs.get(next.id),
    (record) => record?.status === 'STARTING',
    5000,
  );
  await runs.cancel(next.id, null, true);
  await untilFinished(runs, next.id);
  process.off('unhandledRejection', note);
  expect(rejections).toEqual([]);
  await first.stop();
}, 60_000);
