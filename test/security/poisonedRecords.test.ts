/** An attempt can write any field of its own record, and replace it. Nobody else must notice. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOCAL_ADMIN } from '../../src/domain/caller.ts';
import type { RunId } from '../../src/domain/ids.ts';
import { DEFAULT_ALLOTMENT } from '../../src/domain/policy/allotment.ts';
import { ProcessLauncher } from '../../src/launchers/process/launcher.ts';
import { RedisLogReader } from '../../src/log/reader.ts';
import { NO_METRICS } from '../../src/metrics/metrics.ts';
import { sharedAccess } from '../../src/redis/executors/executorAccess.ts';
import { NO_LOSS } from '../../src/runs/lossyRedis/lossGuard.ts';
import { executingAttempts } from '../../src/runs/records/executing.ts';
import { Scan } from '../../src/runs/records/runs.ts';
import { readHeads, readRun, readSummaries } from '../../src/runs/records/store.ts';
import { launchAttempt } from '../../src/runs/supervision/launch.ts';
import { Reconciler } from '../../src/runs/supervision/reconcile.ts';
import { Supervisor } from '../../src/runs/supervision/supervisor.ts';
import { claimLog } from '../../src/wire/append.ts';
import { fixedKey, recordKey, UPDATES_CHANNEL } from '../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { type Api, openAnnouncements, openApi, quiet, specOf, until } from '../support/runs/runs.ts';

const executor = fileURLToPath(new URL('../fixtures/executors/never-reports.ts', import.meta.url));
const stopping = new AbortController();
let server: TestRedis;
let api: Api;
/** The attacker's connection. */
let plain: Redis;
let directory: string;
let announced: Awaited<ReturnType<typeof openAnnouncements>>;
let launcher: ProcessLauncher;
let reconciler: Reconciler;

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server);
  plain = await server.connect();
  directory = await mkdtemp(join(tmpdir(), 'rl-poison-'));
  launcher = new ProcessLauncher({ stateDirectory: directory, environment: {}, executor });
  await launcher.prepare(() => undefined, stopping.signal);
  announced = await openAnnouncements(server);
  const { redis, queue, masterKey } = api.context;
  const access = sharedAccess(server.url);
  const context = { redis, queue, masterKey, launcher, access, log: quiet };
  const parts = { announcements: announced.announcements, losses: NO_LOSS, metrics: NO_METRICS, processId: 'test' };
  const supervisor = new Supervisor({ ...context, ...parts }, stopping.signal);
  reconciler = new Reconciler({ ...context, supervisor, retentionMs: 3_600_000 });
});
afterAll(async () => {
  stopping.abort();
  announced?.connection.close();
  plain?.disconnect();
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const start = async (idempotencyKey: string | null = null): Promise<RunId> =>
  (await api.runs.start({ spec: specOf(), idempotencyKey })).id;

test('the id in a record is not trusted: reads, claims and announcements have the id of the key', async () => {
  const [own, other] = [await start(), await start()];
  await plain.hset(recordKey(own), 'id', other);
  expect((await readRun(plain, own))?.id).toBe(own);
  expect((await readSummaries(plain, [own]))[0]?.id).toBe(own);
  const claimed = await claimLog(plain, own, { writer: 'me', attempt: null, statuses: ['PENDING'] });
  expect(claimed).toMatchObject({ code: 'OK', run: { id: own } });
  const updates: { runId: string; kind: string }[] = [];
  const listener = (bytes: Buffer): void => void updates.push(JSON.parse(bytes.toString()));
  const free = await announced.announcements.subscribe(UPDATES_CHANNEL, listener);
  await api.runs.cancel(own, null, false);
  await api.runs.delete(own);
  await until(
    async () => updates,
    (seen) => seen.some(({ kind }) => kind === 'DELETED'),
  );
  free();
  expect(new Set(updates.map(({ runId }) => runId))).toEqual(new Set([own]));
  expect(await api.runs.get(other)).not.toBeNull();
});

test('a record cannot name a foreign key to be kept alive or removed, or say how long its own one is kept', async () => {
  const own = await start('mine');
  const name = (await plain.hget(recordKey(own), 'idempotency')) ?? '';
  await plain.pexpire(name, 60_000);
  await plain.hset(recordKey(own), 'retentionMs', '1');
  await reconciler.pass(stopping.signal);
  expect(await plain.pttl(name)).toBeGreaterThan(3_500_000);
  await plain.set('foreign', `${own} x`);
  await plain.hset(recordKey(own), 'idempotency', 'foreign');
  await reconciler.pass(stopping.signal);
  expect(await plain.pttl('foreign')).toBe(-1);
  await plain.hset(recordKey(own), 'retentionMs', '60000');
  await api.runs.cancel(own, null, false);
  await api.runs.delete(own);
  expect(await plain.exists('foreign')).toBe(1);
});

/** What an attempt can do to its record. */
const POISONS: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  'is a stream': async (key) => {
    await plain.pexpire(key, 0);
    return await plain.xadd(key, '*', 'd', 'x');
  },
  'has JSON that cannot be parsed': (key) => plain.hset(key, { resources: '{', labels: '[', failure: 'x', env: '{' }),
  'has JSON of another form': (key) =>
    plain.hset(key, { resources: 'null', labels: '[null]', command: '{}', env: '[1]' }),
  'has texts for numbers': (key) =>
    plain.hset(key, { retentionMs: 'x', attempt: 'x', nextAttempt: 'x', retryAt: 'x', createdAt: '1e300' }),
  'has an unknown status': (key) => plain.hset(key, 'status', 'toString'),
};

test.each(Object.entries(POISONS))(
  'a record that %s fails no start, no pass and no read of others',
  async (_, poison) => {
    const [own, other] = [await start(), await start('kept')];
    await plain.hset(recordKey(own), 'status', 'RUNNING');
    await poison(recordKey(own));
    const ids = [own, other];
    expect((await readSummaries(plain, ids))[1]?.id).toBe(other);
    expect((await readHeads(plain, ids))[1]?.id).toBe(other);
    expect((await new RedisLogReader(plain).positions(ids))[1]).toMatchObject({ closed: false });
    const [, found] = await Promise.all([api.runs.get(own), api.runs.get(other)]);
    expect(found?.id).toBe(other);
    const page = await api.runsFor(LOCAL_ADMIN).page({ first: 50, filter: {} }, new Scan(stopping.signal));
    expect(page.runs.map(({ id }) => id)).toContain(other);
    expect((await executingAttempts(plain)).every(({ attempt }) => Number.isSafeInteger(attempt))).toBe(true);
    await api.context.queue.remove(other, 1);
    await reconciler.pass(stopping.signal);
    expect(await api.context.queue.has([{ runId: other, attempt: 1 }])).toEqual([true]);
    await plain.del(recordKey(own));
  },
);

test('an image that the operator does not allow any more is not launched', async () => {
  const own = await start();
  await plain.hset(fixedKey(own), { imageAsked: 'evil.example/x', resources: '{"cpus":64,"memoryMb":1000000}' });
  const run = await readRun(plain, own);
  if (run === null) throw new Error('no record');
  const { redis, masterKey } = api.context;
  const { announcements } = announced;
  const allotment = { ...DEFAULT_ALLOTMENT, allowedImages: ['good.example/*'] };
  const access = sharedAccess(server.url);
  const context = { redis, masterKey, launcher, access, announcements, allotment, log: quiet };
  const launched = await launchAttempt(context, { run, attempt: 1, writer: null }, stopping.signal);
  expect(launched).toMatchObject({ kind: 'failed', error: { reason: 'IMAGE_UNAVAILABLE' } });
});
