import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/domain/events.ts';
import { leaseKey } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { openService, specOf, storedEvents, type TestService, until, untilFinished } from '../../support/runs/runs.ts';

const masterKey = randomBytes(32);
let server: TestRedis;
let directory: string;
let one: TestService;

beforeAll(async () => {
  server = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'rl-life-'));
  one = await open();
});
afterAll(async () => {
  await one?.[Symbol.asyncDispose]();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const open = (): Promise<TestService> => openService({ server, masterKey, directory, maxConcurrentRuns: 3 });
const sh = (script: string, more = {}) => specOf({ command: ['sh', '-c', script], ...more });
const start = async (script: string, more = {}) =>
  (await one.runs.start({ spec: sh(script, more), idempotencyKey: null })).id;
const linesOf = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'LogLine' && event.stream !== 'SYSTEM' ? [event.message] : []));
const inOrder = (events: readonly RunEvent[]): void => {
  expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
  expect(events.filter((event) => event.kind === 'RunFinished')).toHaveLength(1);
  expect(events.at(-1)?.kind).toBe('RunFinished');
};

test('a run goes from PENDING to COMPLETED with its lines and their digest', async () => {
  const secret = { name: 'TOKEN', value: 'open-sesame-1', secret: true };
  const id = await start('echo one; echo "two $RUN_INPUT"; echo "$TOKEN"', { input: { a: 1 }, env: [secret] });
  const run = await untilFinished(one.runs, id);
  expect(run).toMatchObject({ status: 'COMPLETED', exitCode: 0, failure: null, lines: 3 });
  const events = await storedEvents(one.redis, id);
  inOrder(events);
  const lines = linesOf(events);
  expect(lines.slice(0, 2)).toEqual(['one', 'two {"a":1}']);
  expect(lines[2]).not.toContain('sesame');
  expect(run.digest).toBe(
    createHash('sha256')
      .update(`${lines.join('\n')}\n`)
      .digest('hex'),
  );
  expect(events.flatMap((event) => (event.kind === 'StatusChanged' ? [event.status] : []))).toEqual([
    'PENDING',
    'STARTING',
    'RUNNING',
    'COMPLETED',
  ]);
}, 20_000);

test('a failing command is tried again inside one run, until it succeeds', async () => {
  const id = await start('echo "try $RUN_ATTEMPT"; test "$RUN_ATTEMPT" = 2', { maxAttempts: 3, backoffSeconds: 1 });
  const run = await untilFinished(one.runs, id);
  expect(run).toMatchObject({ status: 'COMPLETED', attempt: 2, exitCode: 0, lines: 2, failure: null });
  const events = await storedEvents(one.redis, id);
  inOrder(events);
  expect(linesOf(events)).toEqual(['try 1', 'try 2']);
  for (const event of events) if (event.kind === 'LogLine') expect(event.message).toBe(`try ${event.attempt}`);
}, 20_000);

test('R1: all keys of a run begin with run:{<id>}, while it runs and afterwards', async () => {
  // The keys of the queue belong to BullMQ.
  const others = async (id: string): Promise<string[]> =>
    (await one.redis.keys(`*${id}*`)).filter((key) => !key.startsWith('{runloom}:'));
  const id = await start('echo one; sleep 600');
  await until(
    () => one.runs.get(id),
    (run) => (run?.lines ?? 0) >= 1,
  );
  const running = await others(id);
  expect(running).toEqual(expect.arrayContaining([`run:{${id}}`, `run:{${id}}:log`, `run:{${id}}:lease`]));
  await one.runs.cancel(id, null, true);
  await untilFinished(one.runs, id);
  for (const key of [...running, ...(await others(id))]) expect(key.startsWith(`run:{${id}}`)).toBe(true);
}, 20_000);

test('cancelling a running command ends it with SIGTERM, and only once', async () => {
  const id = await start('trap "echo term; exit 0" TERM; echo ready; while :; do sleep 0.05; done');
  await until(
    () => one.runs.get(id),
    (run) => (run?.lines ?? 0) >= 1,
  );
  await Promise.all([one.runs.cancel(id, 'a', false), one.runs.cancel(id, 'b', false)]);
  const run = await untilFinished(one.runs, id);
  expect(run.status).toBe('CANCELLED');
  const events = await storedEvents(one.redis, id);
  inOrder(events);
  // The shell can also print that its sleep was terminated.
  expect(linesOf(events)).toEqual(expect.arrayContaining(['ready', 'term']));
}, 20_000);

test('a timeout ends a command that ignores SIGTERM', async () => {
  const id = await start('trap "" TERM; while :; do sleep 0.05; done', { timeoutSeconds: 1 });
  const run = await untilFinished(one.runs, id);
  expect(run).toMatchObject({ status: 'FAILED', failure: { reason: 'TIMEOUT' } });
  inOrder(await storedEvents(one.redis, id));
}, 20_000);

test('if the executor is killed, the supervisor reports it after the lines that were stored', async () => {
  const id = await start('echo before; sleep 600');
  await until(
    () => one.runs.get(id),
    (run) => (run?.lines ?? 0) >= 1,
  );
  await (await one.launcher.find(id, 1))?.stop(0);
  const run = await untilFinished(one.runs, id);
  expect(run).toMatchObject({ status: 'FAILED', lines: 1, digest: null, failure: { reason: 'EXECUTOR_LOST' } });
  const events = await storedEvents(one.redis, id);
  inOrder(events);
  expect(events.at(-1)).toMatchObject({ lines: 1, bytes: 6, dropped: 0, digest: null });
}, 20_000);

test('a running run of a service that vanished is adopted, with every line and its digest', async () => {
  const first = await open();
  await one.service.stop();
  const script = 'i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done';
  const { id } = await first.runs.start({ spec: sh(script), idempotencyKey: null });
  await until(
    () => first.runs.get(id),
    (run) => (run?.lines ?? 0) >= 5,
  );
  const holder = await first.redis.get(leaseKey(id));
  first.vanish();
  await one[Symbol.asyncDispose]();
  one = await open();
  await until(
    () => one.redis.get(leaseKey(id)),
    (now) => now !== null && now !== holder,
  );
  const run = await untilFinished(one.runs, id, 30_000);
  expect(run).toMatchObject({ status: 'COMPLETED', lines: 300 });
  const events = await storedEvents(one.redis, id);
  inOrder(events);
  expect(linesOf(events)).toEqual(Array.from({ length: 300 }, (_, i) => `line ${i + 1}`));
  await first[Symbol.asyncDispose]();
}, 60_000);

test('forty runs in three slots, some cancelled at random moments: each ends once, and nothing is left', async () => {
  const spec = sh('echo hello; sleep 0.2');
  const started = await Promise.all(Array.from({ length: 40 }, () => one.runs.start({ spec, idempotencyKey: null })));
  const cancels = started
    .filter((_, i) => i % 4 === 0)
    .map(async ({ id }, i) => {
      await until(
        () => one.runs.get(id),
        (run) => i % 2 === 0 || run?.status !== 'PENDING',
        60_000,
      );
      await one.runs.cancel(id, null, i % 3 === 0);
    });
  await Promise.all(cancels);
  for (const { id } of started) {
    const run = await untilFinished(one.runs, id, 90_000);
    expect(['COMPLETED', 'CANCELLED']).toContain(run.status);
    inOrder(await storedEvents(one.redis, id));
  }
  await until(
    () => one.launcher.list(),
    (list) => list.length === 0,
  );
  expect(await one.service.aliveRuns()).toBe(0);
}, 120_000);
