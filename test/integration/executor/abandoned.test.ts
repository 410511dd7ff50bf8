import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findByEnvironment } from '../../../src/system/processIdentity.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { fixture, startExecutor, startingRun, untilGone, untilLine } from '../../support/runs/executor.ts';
import { openService, specOf, until } from '../../support/runs/runs.ts';

const NOBODY_LEFT = 5;

test('W11: an executor whose Redis stays away finally kills its command and exits with code 5 and a reason', async () => {
  const server = await startRedis();
  const id = await startingRun(await server.connect(), { command: [fixture('counts.sh'), '1000', '0.05'] });
  await using executor = await startExecutor(server.url, id, { args: ['--redis-away-ms=4000'] });
  await untilLine(await server.connect(), id, 'line 3');
  const found = await findByEnvironment({ RUN_ID: id, RUN_ATTEMPT: '1' });
  expect(found.length).toBeGreaterThan(1);
  await server.stop();
  expect(await executor.exited).toBe(NOBODY_LEFT);
  expect(executor.printed()).toContain('Redis has not answered for 4 s: giving up');
  for (const pid of found) await untilGone(pid);
}, 30_000);

test('an executor that never reached a Redis gives up after the time limit', async () => {
  const server = await startRedis();
  const id = await startingRun(await server.connect());
  await server.stop();
  await using executor = await startExecutor(server.url, id, { args: ['--redis-away-ms=1500'] });
  expect(await executor.exited).toBe(NOBODY_LEFT);
}, 30_000);

test('a Redis that answers from time to time does not count as away', async () => {
  await using server = await startRedis();
  const redis = await server.connect();
  const command = ['sh', '-c', 'echo begun; until [ -e go ]; do sleep 0.05; done'];
  const id = await startingRun(redis, { command });
  await using executor = await startExecutor(server.url, id, { args: ['--redis-away-ms=10000'] });
  await untilLine(redis, id, 'begun');
  const questions = async (): Promise<number> =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  // Together they are longer than the limit. Each one is far below it.
  for (let i = 0; i < 3; i += 1) {
    process.kill(server.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    process.kill(server.pid, 'SIGCONT');
    const before = await questions();
    // The executor reads the record as often as it checks the connection.
    await until(questions, (now) => now >= before + 2);
  }
  await writeFile(join(executor.directory, 'workspace', 'go'), '');
  expect(await executor.exited).toBe(0);
}, 60_000);

test('W11a: if Redis and the data directory are removed, no executor stays behind', async () => {
  const server = await startRedis();
  const directory = await mkdtemp(join(tmpdir(), 'rl-abandoned-'));
  const one = await openService({ server, masterKey: Buffer.alloc(32, 1), directory });
  const ids = [];
  for (let i = 0; i < 2; i += 1) {
    const { id } = await one.runs.start({
      spec: specOf({ command: ['sleep', '1000'] }),
      idempotencyKey: null,
    });
    await until(
      () => one.runs.get(id),
      (run) => run?.status === 'RUNNING',
    );
    ids.push(id);
  }
  await one[Symbol.asyncDispose]();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
  for (const id of ids) {
    await until(
      () => findByEnvironment({ RUN_ID: id }),
      (pids) => pids.length === 0,
    );
  }
}, 30_000);
