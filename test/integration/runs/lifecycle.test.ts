/** The life of a run from outside: two processes of the service on one operator's Redis, each with its own DATA_DIR. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request, startRun } from '../../support/clients/client.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import {
  cancelRun,
  codeOf,
  deleteRun,
  expectOneEnd,
  loggedEvents,
  type Shown,
  shell,
  show,
  untilEnd,
  untilRun,
} from '../../support/runs/lifecycle.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../../support/startedService.ts';

let redis: TestRedis;
let directory: string;
const places: DataDirectory[] = [];
const services: StartedService[] = [];
let [one, two] = ['', ''];

beforeAll(async () => {
  redis = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'rl-lifecycle-'));
  for (let i = 0; i < 2; i += 1) {
    const data = await dataDirectory();
    places.push(data);
    // Longer than any test: a command that ends earlier was not killed when the grace period passed.
    const env = { DATA_DIR: data.path, REDIS_URL: redis.url, MAX_CONCURRENT_RUNS: '4', CANCEL_GRACE_SECONDS: '600' };
    services.push(spawnService({ env }));
  }
  [one = '', two = ''] = await Promise.all(services.map((service) => service.address()));
});
afterAll(async () => {
  for (const service of services) await service[Symbol.asyncDispose]();
  for (const place of places) await place[Symbol.asyncDispose]();
  await redis?.stop();
  await rm(directory, { recursive: true, force: true });
});

const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const idOf = (answer: Awaited<ReturnType<typeof request>>): string | undefined =>
  (answer.data?.startRun as { run: { id: string } } | undefined)?.run.id;

test('fifty starts with one key at once through two processes make one run, and its removal frees the key', async () => {
  const input = { command: ['true'], input: { b: [1, 2], a: null }, labels: [{ name: 'x', value: 'y' }] };
  const start = (url: string, more = {}) => request(url, START, { input: { ...input, idempotencyKey: 'k', ...more } });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => start(i % 2 === 0 ? one : two)));
  const ids = new Set(answers.map(idOf));
  expect(ids.size).toBe(1);
  const [id = ''] = ids;
  expect(codeOf(await start(two, { input: { b: [2, 1], a: null } }))).toBe('CONFLICT');
  const { run } = await expectOneEnd(two, id);
  expect(run).toMatchObject({ status: 'COMPLETED', attempt: 1 });
  expect(idOf(await start(one, { input: { a: null, b: [1, 2] } }))).toBe(id);
  expect(codeOf(await deleteRun(two, id))).toBeNull();
  const other = idOf(await start(one, { input: 'another' }));
  expect(other).not.toBe(id);
  await untilEnd(one, other ?? '');
});

test('cancels through two processes while the command exits give one end, and the record agrees with it', async () => {
  const ends = await Promise.all(
    Array.from({ length: 16 }, async (_, i) => {
      const url = i % 2 === 0 ? one : two;
      const retry = i % 4 === 1 ? { maxAttempts: 2, backoffSeconds: 0 } : null;
      const id = await startRun(url, shell(`echo ready; sleep 0.2; exit ${i % 4}`, { retry }));
      await untilRun(url, id, ({ lines }) => lines > 0);
      // The offset is the subject of the test: from well before the exit to after the end.
      await new Promise((resolve) => setTimeout(resolve, 20 * i));
      const force = i % 3 === 0;
      await Promise.all([cancelRun(one, id, { reason: 'a', force }), cancelRun(two, id, { reason: 'b' })]);
      const { run, events } = await expectOneEnd(url, id);
      await cancelRun(two, id, { reason: 'late', force: true });
      expect(await show(one, id)).toEqual(run);
      expect(await loggedEvents(two, id)).toEqual(events);
      return run.status;
    }),
  );
  expect(ends).toHaveLength(16);
});

test('cancels through two processes end a run that waits for a slot once', async () => {
  const holders = await Promise.all(Array.from({ length: 8 }, () => startRun(one, { command: ['sleep', '600'] })));
  for (const id of holders) await untilRun(one, id, ({ status }) => status === 'RUNNING');
  const id = await startRun(one, { command: ['true'] });
  const answers = await Promise.all([cancelRun(one, id), cancelRun(two, id, { force: true })]);
  for (const answer of answers) expect(codeOf(answer)).toBeNull();
  const { run, events } = await expectOneEnd(two, id);
  expect(run).toMatchObject({ status: 'CANCELLED', digest: null });
  expect(events).toHaveLength(4);
  for (const holder of holders) await cancelRun(two, holder, { force: true });
  for (const holder of holders) expect((await expectOneEnd(one, holder)).run.status).toBe('CANCELLED');
}, 120_000);

test('a forced cancel after a normal one does not wait for the grace period; the first reason is kept', async () => {
  const id = await startRun(one, shell('trap "" TERM; echo ready; while :; do sleep 0.05; done'));
  await untilRun(one, id, ({ lines }) => lines > 0);
  await cancelRun(two, id, { reason: 'gently' });
  await cancelRun(one, id, { reason: 'now', force: true });
  const { events } = await expectOneEnd(two, id);
  expect(events.at(-1)?.message).toBe('Run CANCELLED: gently');
});

test('a cancel at any moment of the start ends the run, whether or not its command has started', async () => {
  await Promise.all(
    Array.from({ length: 8 }, async (_, i) => {
      const id = await startRun(one, { command: ['sleep', '600'] });
      await new Promise((resolve) => setTimeout(resolve, 60 * i));
      await cancelRun(two, id);
      expect((await expectOneEnd(one, id)).run).toMatchObject({ status: 'CANCELLED', failure: null, exitCode: null });
    }),
  );
});

test('a cancel between two attempts returns the ended run, which keeps the result of the last attempt', async () => {
  const id = await startRun(one, shell('exit 7', { retry: { maxAttempts: 3, backoffSeconds: 3600 } }));
  await untilRun(one, id, ({ status, exitCode }) => status === 'PENDING' && exitCode === 7);
  const answer = await cancelRun(two, id, { reason: 'enough' });
  expect(answer.data?.cancelRun).toMatchObject({
    run: { status: 'CANCELLED', exitCode: 7, failure: null, attempt: 1 },
  });
  await expectOneEnd(one, id);
});

test('a running run cannot be removed, and can be retried as a new run', async () => {
  const id = await startRun(one, { command: ['sleep', '600'], name: 'original' });
  await untilRun(one, id, ({ status }) => status === 'RUNNING');
  expect(codeOf(await deleteRun(two, id))).toBe('CONFLICT');
  const mutation = 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id name retryOf { id } } } }';
  const retried = (await request(two, mutation, { id })).data?.retryRun as { run: Shown };
  expect(retried.run).toMatchObject({ name: 'original', retryOf: { id } });
  expect((await show(one, id))?.status).toBe('RUNNING');
  for (const each of [id, retried.run.id]) await cancelRun(one, each, { force: true });
  for (const each of [id, retried.run.id]) await expectOneEnd(two, each);
  expect(codeOf(await deleteRun(one, id))).toBeNull();
  const query = 'query ($id: ID!) { run(id: $id) { retryOf { id } } }';
  expect((await request(two, query, { id: retried.run.id })).data).toEqual({ run: { retryOf: null } });
});

test('two removals at the moment of the end remove the run once, with all its keys', async () => {
  const id = await startRun(one, shell('for i in 1 2 3 4 5 6; do echo $i; sleep 0.02; done'));
  let codes: unknown[];
  do {
    codes = (await Promise.all([deleteRun(one, id), deleteRun(two, id)])).map(codeOf);
  } while (codes.every((code) => code === 'CONFLICT'));
  expect(codes.filter((code) => code === null)).toHaveLength(1);
  expect(await show(two, id)).toBeNull();
  // The lease and the keys of a packing can exist for a moment more, but in the end nothing is left.
  const keys = await redis.connect();
  await expect
    .poll(async () => (await keys.keys('*')).filter((key) => key.includes(id)), { timeout: 30_000 })
    .toEqual([]);
}, 90_000);

test('a command that is ended by a real-time signal is SIGNALLED', async () => {
  const id = await startRun(one, shell('kill -35 $$'));
  expect((await expectOneEnd(one, id)).run).toMatchObject({ status: 'FAILED', failure: { reason: 'SIGNALLED' } });
});

test('a service that stops leaves its runs to a service with another DATA_DIR, which finds them alive', async () => {
  const open = join(directory, 'open');
  const script = `echo waiting; until [ -e ${open} ]; do sleep 0.05; done; echo through`;
  const ids = await Promise.all(Array.from({ length: 4 }, () => startRun(one, shell(script))));
  for (const id of ids) await untilRun(one, id, ({ lines }) => lines === 1);
  services[0]?.child.kill('SIGTERM');
  expect(await services[0]?.ended).toEqual({ code: 0, signal: null });
  const keys = await redis.connect();
  for (const id of ids) {
    await expect.poll(() => keys.exists(`run:{${id}}:lease`), { timeout: 30_000 }).toBe(1);
  }
  await writeFile(open, '');
  for (const id of ids) {
    expect((await expectOneEnd(two, id)).run).toMatchObject({ status: 'COMPLETED', lines: 2, attempt: 1 });
  }
}, 120_000);
