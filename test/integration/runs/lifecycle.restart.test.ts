/** What survives the death of the service and an absence of Redis: the order of the queue, a backoff, a timeout. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { controlChannel, recordKey } from '../../../src/wire/keys.ts';
import { Script } from '../../../src/wire/scripts/script.ts';
import { CANCEL } from '../../../src/wire/scripts/writeScripts.ts';
import { startRun } from '../../support/clients/client.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { untilGone } from '../../support/runs/executor.ts';
import { expectOneEnd, shell, show, untilRun } from '../../support/runs/lifecycle.ts';
import { until } from '../../support/runs/runs.ts';
import { dataDirectory, spawnService } from '../../support/startedService.ts';

test('after a kill with a queue of runs and one between two attempts, the next service continues in the same order', async () => {
  await using data = await dataDirectory();
  const directory = await mkdtemp(join(tmpdir(), 'rl-order-'));
  const [order, open] = [join(directory, 'order'), join(directory, 'open')];
  const begun = async () => (await readFile(order, 'utf8').catch(() => '')).split('\n').slice(0, -1).map(Number);
  const env = { DATA_DIR: data.path, MAX_CONCURRENT_RUNS: '1' };
  await using first = spawnService({ env });
  const address = await first.address();
  const failing = await startRun(
    address,
    shell('exit "$((2 - RUN_ATTEMPT))"', { retry: { maxAttempts: 2, backoffSeconds: 3 } }),
  );
  await untilRun(address, failing, ({ status, exitCode }) => status === 'PENDING' && exitCode === 1);
  const ids: string[] = [];
  for (let i = 0; i < 10; i += 1) {
    // The third command waits, so that the service is killed with one run going and the others in the queue.
    const wait = i === 2 ? `; until [ -e ${open} ]; do sleep 0.05; done` : '';
    ids.push(await startRun(address, shell(`echo ${i} >> ${order}${wait}`)));
  }
  await until(begun, (runs) => runs.includes(2), 50_000);
  first.child.kill('SIGKILL');
  await first.ended;
  await using second = spawnService({ env });
  const again = await second.address();
  await writeFile(open, '');
  for (const id of ids) expect((await expectOneEnd(again, id)).run).toMatchObject({ status: 'COMPLETED', attempt: 1 });
  expect(await begun()).toEqual(ids.map((_, i) => i));
  const { run, events } = await expectOneEnd(again, failing);
  expect(run).toMatchObject({ status: 'COMPLETED', attempt: 2 });
  const { retryAt, timestamp } = events.find(({ __typename }) => __typename === 'AttemptFinished') ?? {};
  expect(Date.parse(retryAt ?? '') - Date.parse(timestamp ?? '')).toBe(3000);
  const secondStart = events.find(({ attempt, status }) => attempt === 2 && status === 'STARTING');
  // Only the order counts: each timer counts whole milliseconds by itself.
  expect(Date.parse(secondStart?.timestamp ?? '')).toBeGreaterThanOrEqual(Date.parse(retryAt ?? '') - 5);
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
  await rm(directory, { recursive: true, force: true });
}, 180_000);

test('a timeout that passes while Redis is frozen ends the command at once, and is reported when Redis is back', async () => {
  await using redis = await startRedis();
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, REDIS_URL: redis.url, CANCEL_GRACE_SECONDS: '0' } });
  const address = await service.address();
  const id = await startRun(
    address,
    shell('trap "" TERM; echo $$; while :; do sleep 0.05; done', { timeoutSeconds: 2 }),
  );
  await untilRun(address, id, ({ lines }) => lines === 1);
  const pid = Number(await (await fetch(`${address}/runs/${id}/log.txt`)).text());
  process.kill(redis.pid, 'SIGSTOP');
  try {
    await untilGone(pid);
  } finally {
    process.kill(redis.pid, 'SIGCONT');
  }
  const { run } = await expectOneEnd(address, id);
  expect(run).toMatchObject({ status: 'FAILED', failure: { reason: 'TIMEOUT', signal: 'SIGKILL' } });
}, 120_000);

test('a finished run is removed after its retention, and its key can start a new run', async () => {
  await using redis = await startRedis();
  await using data = await dataDirectory();
  // 3.6 s
  await using service = spawnService({ env: { DATA_DIR: data.path, REDIS_URL: redis.url, RETENTION_HOURS: '0.001' } });
  const address = await service.address();
  const input = { command: ['echo', 'x'], idempotencyKey: 'k' };
  const id = await startRun(address, input);
  const keys = await redis.connect();
  const left = async () => (await keys.keys('*')).filter((key) => key.includes(id) || key.startsWith('idempotency'));
  await until(left, (names) => names.length === 0, 50_000);
  const answer = await fetch(`${address}/runs/${id}/log.txt`);
  expect(answer.status).toBe(404);
  expect(await startRun(address, input)).not.toBe(id);
  service.child.kill('SIGTERM');
  await service.ended;
}, 120_000);

test('an interrupted cancel ends a run that waits for its next attempt', async () => {
  // The cancel is on the record, but nothing acts on it before the next attempt, an hour later: reconcile.ts does not
  // look at cancelRequestedAt of a PENDING run.
  await using redis = await startRedis();
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, REDIS_URL: redis.url } });
  const address = await service.address();
  const retry = { maxAttempts: 2, backoffSeconds: 3600 };
  const id = await startRun(address, shell('exit 1', { retry }));
  await untilRun(address, id, ({ status, exitCode }) => status === 'PENDING' && exitCode === 1);
  // Only the first step of cancelRun.
  const keys = [recordKey(id as RunId)];
  await new Script(CANCEL).run(await redis.connect(), keys, ['', '0', controlChannel(id as RunId)]);
  await until(
    () => show(address, id),
    (run) => run?.status === 'CANCELLED',
    12_000,
  );
});
