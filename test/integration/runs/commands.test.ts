import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { Conflict, NotFound } from '../../../src/domain/errors.ts';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { reserve } from '../../../src/runs/api/idempotency.ts';
import { runUpdates } from '../../../src/runs/api/updates.ts';
import { createRecord } from '../../../src/runs/records/creation.ts';
import { ACTIVE_RUNS, idempotencyName, runsIndex } from '../../../src/runs/records/indexKeys.ts';
import { installationId } from '../../../src/runs/records/installation.ts';
import type { RunUpdate } from '../../../src/runs/records/runs.ts';
import { keyFingerprint, unsealEnv } from '../../../src/runs/records/secrets.ts';
import { readRun } from '../../../src/runs/records/store.ts';
import { fixedKey, leaseKey, logKey, recordKey } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openAnnouncements, openApi, quiet, specOf, storedEvents, until } from '../../support/runs/runs.ts';

const masterKey = randomBytes(32);
let server: TestRedis;
let api: Api;

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server, masterKey);
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
});

const start = (more = {}, idempotencyKey: string | null = null) =>
  api.runs.start({ spec: specOf(more), idempotencyKey });
const hasJob = async (id: RunId): Promise<boolean> =>
  (await api.context.queue.has([{ runId: id, attempt: 1 }]))[0] === true;

test('W7: the API creates a run as PENDING, with its first event, its entries in the sets and its job', async () => {
  const run = await start({ name: 'one', labels: [{ name: 'a', value: 'b' }], input: { x: [1, null] } });
  expect(run).toMatchObject({ status: 'PENDING', attempt: 1, image: 'process', lastSeq: 1, version: 1 });
  const record = await readRun(api.redis, run.id);
  expect(record).toMatchObject({
    status: 'PENDING',
    attempt: 1,
    nextAttempt: 1,
    image: 'process',
    lastSeq: 1,
    version: 1,
  });
  expect(record?.input).toEqual({ x: [1, null] });
  expect(await storedEvents(api.redis, run.id)).toMatchObject([
    { seq: 1, attempt: 1, kind: 'StatusChanged', status: 'PENDING', previous: null },
  ]);
  expect(await api.redis.zscore(runsIndex('default'), run.id)).toBe('0');
  expect(await api.redis.zscore(ACTIVE_RUNS, run.id)).toBe('0');
  expect(await hasJob(run.id)).toBe(true);
});

test('a secret is stored only under the key of its run, and retry seals it again', async () => {
  const env = [
    { name: 'TOKEN', value: 'open sesame', secret: true },
    { name: 'PLAIN', value: 'seen', secret: false },
  ];
  const run = await start({ env });
  expect(JSON.stringify(await api.redis.hgetall(recordKey(run.id)))).not.toContain('sesame');
  const retried = await api.runs.retry(run.id);
  const [before, after] = [await readRun(api.redis, run.id), await readRun(api.redis, retried.id)];
  if (before === null || after === null) throw new Error('a run is gone');
  expect(after).toMatchObject({ retryOf: run.id, status: 'PENDING', command: ['true'] });
  expect(after.env[0]?.value).not.toBe(before.env[0]?.value);
  expect(unsealEnv(masterKey, after.id, after.env)).toEqual(env);
  expect(() => unsealEnv(masterKey, before.id, after.env)).toThrow();
});

test('the same key with the same input gives the same run, whatever the order of its members', async () => {
  const first = await start({ input: { a: 1, b: 2 } }, 'key-1');
  expect((await start({ input: { b: 2, a: 1 } }, 'key-1')).id).toBe(first.id);
  await expect(start({ input: { a: 1, b: 3 } }, 'key-1')).rejects.toThrow(Conflict);
  const secret = (value: string) => ({ env: [{ name: 'S', value, secret: true }] });
  await start(secret('x'), 'key-2');
  await expect(start(secret('y'), 'key-2')).rejects.toThrow(Conflict);
});

test('twenty starts with one key at the same instant make one run', async () => {
  const runs = await Promise.all(Array.from({ length: 20 }, () => start({ name: 'same' }, 'race')));
  expect(new Set(runs.map((run) => run.id)).size).toBe(1);
  const racers = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => start({ name: `other ${i % 2}` }, 'race 2')),
  );
  const won = racers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
  expect(new Set(won).size).toBe(1);
  expect(won).toHaveLength(10);
  for (const one of racers) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(Conflict);
});

test('a start that was interrupted is completed by the next one with its key, under the same id', async () => {
  const spec = specOf({ name: 'half' });
  const { id, name } = await reserve({ ...api.context, caller: LOCAL_ADMIN }, 'half', spec);
  expect(await api.runs.get(id)).toBeNull();
  expect((await api.runs.start({ spec, idempotencyKey: 'half' })).id).toBe(id);
  expect(await hasJob(id)).toBe(true);
  expect(await api.redis.hget(recordKey(id), 'idempotency')).toBe(name);
});

test('W7c: a cancel of a run in the queue is written at once by the API; a second cancel changes nothing', async () => {
  const { id } = await start();
  const cancelled = await api.runs.cancel(id, 'no need', false);
  expect(cancelled).toMatchObject({ status: 'CANCELLED', closed: true, digest: null });
  expect(await readRun(api.redis, id)).toMatchObject({ cancelReason: 'no need' });
  expect(cancelled.finishedAt).not.toBeNull();
  const events = await storedEvents(api.redis, id);
  expect(events.map((event) => event.kind)).toEqual([
    'StatusChanged',
    'AttemptFinished',
    'StatusChanged',
    'RunFinished',
  ]);
  expect(events.at(-1)).toEqual({
    kind: 'RunFinished',
    seq: 4,
    attempt: 1,
    timestamp: expect.any(Number),
    status: 'CANCELLED',
    exitCode: null,
    failure: null,
    message: 'Run CANCELLED: no need',
    lines: 0,
    bytes: 0,
    dropped: 0,
    digest: null,
  });
  expect(await api.runs.cancel(id, 'again', true)).toEqual(cancelled);
  expect(await hasJob(id)).toBe(false);
  expect(await api.redis.zscore(ACTIVE_RUNS, id)).toBeNull();
});

test('twenty cancels at the same instant end a run once', async () => {
  const { id } = await start();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => api.runs.cancel(id, `${i}`, i % 2 === 0)));
  await until(
    async () => (await api.runs.get(id))?.closed,
    (closed) => closed === true,
  );
  expect(answers).toHaveLength(20);
  const events = await storedEvents(api.redis, id);
  expect(events.filter((event) => event.kind === 'RunFinished')).toHaveLength(1);
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4]);
});

test('deleting removes every key of the run, and its idempotency key', async () => {
  const { id } = await start({}, 'deleted');
  await expect(api.runs.delete(id)).rejects.toThrow(Conflict);
  await api.runs.cancel(id, null, false);
  await api.runs.delete(id);
  expect(await api.runs.get(id)).toBeNull();
  const name = idempotencyName(keyFingerprint(masterKey, 'default', 'deleted'));
  expect(await api.redis.exists(recordKey(id), logKey(id), leaseKey(id), name)).toBe(0);
  expect(await api.redis.zscore(runsIndex('default'), id)).toBeNull();
  await expect(api.runs.delete(id)).rejects.toThrow(NotFound);
  await expect(api.runs.cancel(id, null, false)).rejects.toThrow(NotFound);
  await expect(api.runs.retry(id)).rejects.toThrow(NotFound);
  expect((await start({}, 'deleted')).id).not.toBe(id);
});

test('creating a record twice changes nothing', async () => {
  const own = { tenant: 'default', createdBy: null, retryOf: null, idempotency: null };
  const run = { ...own, id: newRunId(), spec: specOf({ name: 'twice' }) };
  await createRecord(api.context, run);
  const before = await api.runs.get(run.id);
  await createRecord(api.context, run);
  expect(await api.runs.get(run.id)).toEqual(before);
});

test('updates report a start, a cancel, a delete and a lost connection', async () => {
  const { connection, announcements } = await openAnnouncements(server);
  const told: RunUpdate[] = [];
  let gaps = 0;
  const end = await runUpdates(announcements, quiet, api.redis).follow({
    caller: LOCAL_ADMIN,
    onUpdate: (update) => told.push(update),
    onGap: () => {
      gaps += 1;
    },
  });
  const { id } = await start();
  await api.runs.cancel(id, null, false);
  await api.runs.delete(id);
  const mine = await until(
    async () => told.filter((update) => update.runId === id),
    (updates) => updates.at(-1)?.kind === 'DELETED',
  );
  expect(mine.map((update) => [update.kind, update.before])).toEqual([
    ['CREATED', null],
    ['UPDATED', 'PENDING'],
    ['UPDATED', 'PENDING'],
    ['DELETED', 'CANCELLED'],
  ]);
  await api.redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await until(
    async () => gaps,
    (count) => count === 1,
  );
  const count = told.length;
  end();
  await until(
    async () => await api.redis.pubsub('NUMSUB', 'run_updates'),
    (answer) => JSON.stringify(answer) === '["run_updates",0]',
  );
  await start();
  expect(told).toHaveLength(count);
  connection.close();
});

test('the installation has one id, whichever process asks first', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => installationId(api.redis)));
  expect(new Set(ids).size).toBe(1);
});

test('after a change of SECRETS_KEY a retry is refused, and the error says what to do', async () => {
  const run = await start({ env: [{ name: 'TOKEN', value: 'open sesame', secret: true }] });
  await using other = await openApi(server, randomBytes(32));
  const refused = await other.runs.retry(run.id).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Conflict);
  expect((refused as Conflict).message).toMatch(/another SECRETS_KEY. Start a new run/);
  // A run without secrets has nothing to open.
  expect((await other.runs.retry((await start()).id)).status).toBe('PENDING');
});

test('S5b: a start that was answered UNAVAILABLE creates no run later', async () => {
  await using own = await startRedis();
  await using frozen = await openApi(own, masterKey);
  process.kill(own.pid, 'SIGSTOP');
  try {
    await expect(frozen.runs.start({ spec: specOf(), idempotencyKey: null })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  } finally {
    process.kill(own.pid, 'SIGCONT');
  }
  const redis = await own.connect();
  // Redis executes the commands of a connection in order, so earlier commands are done after this one.
  await frozen.redis.ping();
  expect(await redis.zcard(runsIndex('default'))).toBe(0);
  expect(await redis.keys('run:*')).toEqual([]);
});

test('a permanent error is not reported as UNAVAILABLE, and its cause is kept', async () => {
  const request = { spec: specOf(), idempotencyKey: 'of a wrong type' };
  const started = await api.runs.start(request);
  const name = (await api.redis.hget(fixedKey(started.id), 'idempotency')) ?? '';
  await api.redis.del(name);
  await api.redis.lpush(name, 'a list');
  await expect(api.runs.start(request)).rejects.toThrow(/^WRONGTYPE /);
  const id = newRunId();
  await api.redis.set(recordKey(id), 'a text');
  // An attempt can replace its own record: for reads there is no such run.
  expect(await api.runs.get(id)).toBeNull();
});
