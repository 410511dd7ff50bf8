import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newRunId } from '../../../src/domain/ids.ts';
import { DEFAULT_ALLOTMENT } from '../../../src/domain/policy/allotment.ts';
import { createRecord } from '../../../src/runs/records/creation.ts';
import { ACTIVE_RUNS, runsIndex } from '../../../src/runs/records/indexKeys.ts';
import { readRun } from '../../../src/runs/records/store.ts';
import { leaseKey, recordKey } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { openService, specOf, storedEvents, until, untilFinished } from '../../support/runs/runs.ts';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/executors/${name}.ts`, import.meta.url));

const masterKey = randomBytes(32);
let server: TestRedis;
let directory: string;

beforeAll(async () => {
  server = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'rl-runs-'));
});
afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const open = (executor: string, more = {}) =>
  openService({ server, masterKey, directory, executor: fixture(executor), ...more });

test('W7b, E5b: if an executor dies without its final batch, the supervisor writes the end, with digest null', async () => {
  await using one = await open('dies-mute');
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
  const run = await untilFinished(runs, id);
  expect(run).toMatchObject({ status: 'FAILED', closed: true, exitCode: null, digest: null, startedAt: null });
  expect(run.failure).toEqual({
    reason: 'EXECUTOR_LOST',
    message: 'The executor ended without writing the end of the attempt (exit code 7).',
    signal: null,
  });
  const events = await storedEvents(one.redis, id);
  expect(events.map((event) => ('containerEvent' in event ? event.containerEvent : event.kind))).toEqual([
    'StatusChanged',
    'StatusChanged',
    'CREATED',
    'EXITED',
    'AttemptFinished',
    'StatusChanged',
    'RunFinished',
  ]);
  expect(events.map((event) => event.seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  await until(
    async () => await one.launcher.list(),
    (list) => list.length === 0,
  );
  await until(
    async () => await one.redis.exists(leaseKey(id)),
    (there) => there === 0,
  );
  expect(await one.redis.zscore(ACTIVE_RUNS, id)).toBeNull();
}, 20_000);

test('W7a: a supervisor claims a PENDING run and makes it STARTING; its executor claims the run from it', async () => {
  await using one = await open('never-reports');
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
  const starting = await until(
    () => readRun(one.redis, id),
    (run) => run?.status === 'STARTING',
  );
  expect(starting).toMatchObject({ writer: expect.stringMatching(/^supervisor:/) });
  await runs.cancel(id, null, true);
  await untilFinished(runs, id);
  await one[Symbol.asyncDispose]();

  const own = await mkdtemp(join(tmpdir(), 'rl-runs-'));
  try {
    await using two = await openService({ server, masterKey, directory: own });
    const second = await two.runs.start({ spec: specOf({ command: ['sleep', '600'] }), idempotencyKey: null });
    const running = await until(
      () => readRun(two.redis, second.id),
      (run) => run?.status === 'RUNNING',
    );
    expect(running).toMatchObject({ writer: expect.stringMatching(/^executor:/) });
    await two.runs.cancel(second.id, null, true);
    await untilFinished(two.runs, second.id);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}, 30_000);

test('E1: the attempts of a run share one sequence of seqs, and each event has its attempt', async () => {
  await using one = await open('dies-mute');
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf({ maxAttempts: 3, backoffSeconds: 1 }), idempotencyKey: null });
  const run = await untilFinished(runs, id);
  expect(run).toMatchObject({ status: 'FAILED', attempt: 3, retryAt: null });
  const events = await storedEvents(one.redis, id);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.filter((event) => event.kind === 'AttemptFinished').map((event) => event.attempt)).toEqual([1, 2, 3]);
  expect(
    events.flatMap((event) => (event.kind === 'StatusChanged' ? [`${event.attempt} ${event.status}`] : [])),
  ).toEqual(['1 PENDING', '1 STARTING', '1 PENDING', '2 STARTING', '2 PENDING', '3 STARTING', '3 FAILED']);
  const ends = events.flatMap((event) => (event.kind === 'AttemptFinished' ? [event] : []));
  const starts = events.flatMap((event) =>
    event.kind === 'StatusChanged' && event.status === 'STARTING' ? [event.timestamp] : [],
  );
  for (const [i, pauseMs] of [1000, 2000].entries()) {
    const end = ends[i];
    expect((end?.retryAt ?? 0) - (end?.timestamp ?? 0)).toBe(pauseMs);
    // Only the order counts: each timer of Node.js and BullMQ counts whole milliseconds by itself.
    expect((starts[i + 1] ?? 0) - (end?.retryAt ?? 0)).toBeGreaterThanOrEqual(-5);
  }
  expect(ends[2]?.retryAt).toBeNull();
}, 30_000);

test('a cancel while STARTING ends the run after the grace period and a margin, whatever the executor does', async () => {
  await using one = await open('never-reports');
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => one.launcher.list(),
    (list) => list.length === 1,
  );
  await until(
    () => runs.get(id),
    (run) => (run?.lastSeq ?? 0) >= 3,
  );
  expect((await runs.cancel(id, 'stop it', true)).status).toBe('STARTING');
  const run = await untilFinished(runs, id);
  expect(run).toMatchObject({ status: 'CANCELLED', failure: null });
  expect(await readRun(one.redis, id)).toMatchObject({ cancelReason: 'stop it' });
  await until(
    () => one.launcher.list(),
    (list) => list.length === 0,
  );
}, 20_000);

test('a cancel between two attempts ends the run at once, and keeps the last attempt unchanged', async () => {
  await using one = await open('dies-mute');
  const { runs } = one;
  const spec = specOf({ maxAttempts: 2, backoffSeconds: 600 });
  const { id } = await runs.start({ spec, idempotencyKey: null });
  await until(
    () => readRun(one.redis, id),
    (run) => run?.nextAttempt === 2,
  );
  const run = await runs.cancel(id, null, false);
  expect(run).toMatchObject({ status: 'CANCELLED', attempt: 1, closed: true });
  const events = await storedEvents(one.redis, id);
  expect(events.filter((event) => event.kind === 'AttemptFinished')).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ kind: 'RunFinished', message: 'Run CANCELLED: cancelled on request' });
}, 20_000);

test('with local processes, a run with an image fails with IMAGE_UNAVAILABLE', async () => {
  await using one = await open('dies-mute');
  const { runs } = one;
  const { id } = await runs.start({ spec: specOf({ image: 'debian' }), idempotencyKey: null });
  const run = await untilFinished(runs, id);
  expect(run).toMatchObject({ status: 'FAILED', image: 'debian', failure: { reason: 'IMAGE_UNAVAILABLE' } });
}, 20_000);

test('a run whose start was interrupted before its job was added is found and started', async () => {
  await using one = await open('dies-mute');
  const id = newRunId();
  const defaults = {
    allotment: DEFAULT_ALLOTMENT,
    enforces: { memory: true, cpus: true },
    defaultImage: 'process',
    maxLineBytes: 65_536,
    maxLogBytes: 1000,
    cancelGraceMs: 1000,
    retentionMs: 60_000,
  };
  const context = { redis: one.redis, masterKey, defaults };
  await createRecord(context, {
    id,
    tenant: 'default',
    createdBy: null,
    spec: specOf(),
    retryOf: null,
    idempotency: null,
  });
  await one.redis.zrem(runsIndex('default'), id);
  expect((await untilFinished(one.runs, id)).status).toBe('FAILED');
  expect(await one.redis.zscore(runsIndex('default'), id)).toBe('0');
}, 20_000);

test('when one service vanishes, another on the same Redis adopts its run within 15 s', async () => {
  const first = await open('never-reports');
  const { id } = await first.runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => first.redis.hget(recordKey(id), 'lastSeq'),
    (seq) => Number(seq) >= 3,
  );
  await using second = await open('never-reports');
  const holder = await second.redis.get(leaseKey(id));
  first.vanish();
  // 15 s (docs/how-to/run-the-service.md), and as much again because other tests keep the machine busy.
  await until(
    () => second.redis.get(leaseKey(id)),
    (now) => now !== null && now !== holder,
    30_000,
  );
  expect(await second.service.aliveRuns()).toBe(1);
  await second.runs.cancel(id, null, true);
  expect((await untilFinished(second.runs, id)).status).toBe('CANCELLED');
  await until(
    () => second.launcher.list(),
    (list) => list.length === 0,
  );
  await first[Symbol.asyncDispose]();
}, 60_000);

test('a service that stops leaves its run running, and the next one takes it over at once', async () => {
  const first = await open('never-reports');
  const { id } = await first.runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => first.runs.get(id),
    (run) => (run?.lastSeq ?? 0) >= 3,
  );
  await first[Symbol.asyncDispose]();
  // The lease was released, not left to expire: the next service need not wait.
  expect(await (await server.connect()).exists(leaseKey(id))).toBe(0);
  await using second = await open('never-reports');
  await until(
    () => second.redis.exists(leaseKey(id)),
    (there) => there === 1,
  );
  expect(await second.launcher.list()).toHaveLength(1);
  await second.runs.cancel(id, null, true);
  await untilFinished(second.runs, id);
  await until(
    () => second.launcher.list(),
    (list) => list.length === 0,
  );
}, 30_000);

test('a cancel before an adoption removes the process that the first service had started', async () => {
  const first = await open('never-reports');
  const { id } = await first.runs.start({ spec: specOf(), idempotencyKey: null });
  await until(
    () => first.runs.get(id),
    (run) => (run?.lastSeq ?? 0) >= 3,
  );
  await first.service.stop();
  expect(await first.launcher.list()).toHaveLength(1);
  await first.runs.cancel(id, null, true);
  await using second = await open('never-reports');
  expect((await untilFinished(second.runs, id)).status).toBe('CANCELLED');
  await until(
    () => second.launcher.list(),
    (list) => list.length === 0,
  );
  await first[Symbol.asyncDispose]();
}, 30_000);

test('a hundred runs started at once on two services end once each, and start in the order of the requests', async () => {
  await using one = await open('dies-mute', { maxConcurrentRuns: 2 });
  await using two = await open('dies-mute', { maxConcurrentRuns: 1 });
  await rm(join(server.directory, 'starts.txt'), { force: true });
  const started = await Promise.all(
    Array.from({ length: 100 }, () => one.runs.start({ spec: specOf(), idempotencyKey: null })),
  );
  for (const { id } of started) await untilFinished(two.runs, id, 90_000);
  const trace = (await readFile(join(server.directory, 'starts.txt'), 'utf8')).trim().split('\n');
  expect(trace).toHaveLength(100);
  expect(new Set(trace).size).toBe(100);
  const begun: { readonly id: string; readonly at: number }[] = [];
  for (const { id } of started) {
    const events = await storedEvents(one.redis, id);
    expect(events.filter((event) => event.kind === 'RunFinished')).toHaveLength(1);
    begun.push({ id, at: events[1]?.timestamp ?? 0 });
  }
  // Three slots: the time of a start can be before that of its neighbours, but never before that of a run three places
  // ahead.
  for (const [i, { at }] of begun.entries()) expect(at).toBeGreaterThanOrEqual((begun[i - 3]?.at ?? 0) - 5);
  expect(
    await until(
      () => one.launcher.list(),
      (list) => list.length === 0,
    ),
  ).toEqual([]);
}, 120_000);

test('R2: runs that ended leave no key without a TTL', async () => {
  const redis = await server.connect();
  {
    // The next service finishes the work that a stopped service had left.
    await using _next = await open('dies-mute');
    await until(
      () => redis.exists(ACTIVE_RUNS),
      (there) => there === 0,
    );
  }
  const expectedKeys = async (): Promise<string[]> => {
    const left: string[] = [];
    for (const key of await redis.keys('*')) if ((await redis.pttl(key)) === -1) left.push(key);
    return left.sort();
  };
  expect(await until(expectedKeys, (keys) => !keys.some((key) => key.includes('run:{')))).toEqual([
    'runs',
    '{runloom}:attempts:events',
    '{runloom}:attempts:id',
    '{runloom}:attempts:meta',
  ]);
}, 20_000);
