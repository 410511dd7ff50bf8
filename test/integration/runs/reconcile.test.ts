import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_TENANT } from '../../../src/domain/caller.ts';
import { newRunId } from '../../../src/domain/ids.ts';
import { ProcessLauncher } from '../../../src/launchers/process/launcher.ts';
import { NO_METRICS } from '../../../src/metrics/metrics.ts';
import { sharedAccess } from '../../../src/redis/executors/executorAccess.ts';
import { NO_LOSS } from '../../../src/runs/lossyRedis/lossGuard.ts';
import { ACTIVE_RUNS, queuedIndex, runsIndex } from '../../../src/runs/records/indexKeys.ts';
import { Reconciler } from '../../../src/runs/supervision/reconcile.ts';
import { Supervisor } from '../../../src/runs/supervision/supervisor.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openAnnouncements, openApi, quiet, specOf, until } from '../../support/runs/runs.ts';

const executor = fileURLToPath(new URL('../../fixtures/executors/never-reports.ts', import.meta.url));
const { signal } = new AbortController();
let server: TestRedis;
let api: Api;
let directory: string;
let launcher: ProcessLauncher;
let close: () => void;

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server);
  directory = await mkdtemp(join(tmpdir(), 'rl-reconcile-'));
  launcher = new ProcessLauncher({ stateDirectory: directory, environment: {}, executor });
  await launcher.prepare(() => undefined, signal);
});
afterAll(async () => {
  close?.();
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const reconciler = async (graceMs: number): Promise<Reconciler> => {
  const { connection, announcements } = await openAnnouncements(server);
  close = () => connection.close();
  const { redis, queue, masterKey } = api.context;
  const context = { redis, queue, masterKey, launcher, announcements, log: quiet };
  const access = sharedAccess(server.url);
  const parts = { losses: NO_LOSS, metrics: NO_METRICS, access, processId: 'test' };
  const supervisor = new Supervisor({ ...context, ...parts }, signal);
  return new Reconciler({ redis, queue, launcher, access, supervisor, retentionMs: 3_600_000, log: quiet, graceMs });
};

test('a PENDING run gets the job and the index entry that a crash left out, and its idempotency key is kept alive', async () => {
  const run = await api.runs.start({ spec: specOf(), idempotencyKey: 'kept' });
  const name = (await api.redis.hget(recordKey(run.id), 'idempotency')) ?? '';
  await api.context.queue.remove(run.id, 1);
  await api.redis.zrem(runsIndex('default'), run.id);
  await api.redis.pexpire(name, 60_000);
  await (await reconciler(30_000)).pass(signal);
  expect(await api.context.queue.has([{ runId: run.id, attempt: 1 }])).toEqual([true]);
  expect(await api.redis.zscore(runsIndex('default'), run.id)).toBe('0');
  expect(await api.redis.pttl(name)).toBeGreaterThan(3_500_000);
});

test('an id without a run leaves `runs:active` after the grace time, not before', async () => {
  const id = newRunId();
  await api.redis.zadd(ACTIVE_RUNS, 0, id);
  const patient = await reconciler(30_000);
  await patient.pass(signal);
  await patient.pass(signal);
  expect(await api.redis.zscore(ACTIVE_RUNS, id)).toBe('0');
  await (await reconciler(0)).pass(signal);
  expect(await api.redis.zscore(ACTIVE_RUNS, id)).toBeNull();
});

test('ended runs leave `runs:active`, and those past their retention leave the index', async () => {
  const ended = await api.runs.start({ spec: specOf(), idempotencyKey: null });
  await api.runs.cancel(ended.id, null, false);
  await api.redis.zadd(ACTIVE_RUNS, 0, ended.id);
  const one = await reconciler(0);
  await one.pass(signal);
  expect(await api.redis.zscore(ACTIVE_RUNS, ended.id)).toBeNull();
  await api.redis.del(recordKey(ended.id), logKey(ended.id));
  await one.clean(signal);
  expect(await api.redis.zscore(runsIndex('default'), ended.id)).toBeNull();
});

test('a process without an unfinished attempt is removed after the grace time; one with an attempt stays', async () => {
  const spec = { image: null, resources: { cpus: null, memoryMb: null }, stopGraceMs: 1000, environment: {} };
  const [orphan, owned] = [newRunId(), newRunId()];
  for (const runId of [orphan, owned]) {
    await launcher.launch(
      { ...spec, runId, attempt: 1, environment: { RUN_ID: runId, RUN_ATTEMPT: '1' } },
      () => {},
      signal,
    );
  }
  await api.redis.hset(recordKey(owned), { id: owned, status: 'RUNNING', attempt: '1' });
  await (await reconciler(30_000)).clean(signal);
  expect(await launcher.list()).toHaveLength(2);
  await (await reconciler(0)).clean(signal);
  expect(await launcher.list()).toEqual([{ runId: owned, attempt: 1 }]);
  await (await launcher.find(owned, 1))?.remove();
});

test('S11f: what crashes leave in the queue of a tenant is repaired: ids without a run, ended runs, and missing ones', async () => {
  const [pending, ended] = [
    await api.runs.start({ spec: specOf(), idempotencyKey: null }),
    await api.runs.start({ spec: specOf(), idempotencyKey: null }),
  ];
  const ghost = newRunId();
  const queue = queuedIndex(DEFAULT_TENANT);
  await api.redis.zrem(queue, pending.id);
  await api.redis.zadd(queue, 0, ghost);
  await api.redis.hset(recordKey(ended.id), 'status', 'COMPLETED');
  const one = await reconciler(0);
  await one.pass(signal);
  await until(
    async () => {
      await one.clean(signal);
      return await api.redis.zmscore(queue, pending.id, ended.id, ghost);
    },
    (scores) => scores[2] === null,
  );
  expect(await api.redis.zmscore(queue, pending.id, ended.id, ghost)).toEqual(['0', null, null]);
});
