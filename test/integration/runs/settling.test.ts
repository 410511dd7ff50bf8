/** What a service does not do in the first seconds after a Redis that can lose writes came back. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { findByEnvironment } from '../../../src/system/processIdentity.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { openApi, openService, specOf, storedEvents, until, untilFinished } from '../../support/runs/runs.ts';

/** A little less than the 5 s, since timers count whole milliseconds. */
const SETTLE_MS = 4900;
const masterKey = randomBytes(32);
let server: TestRedis;
let directory: string;

beforeAll(async () => {
  server = await startRedis();
  directory = await mkdtemp(join(tmpdir(), 'rl-settling-'));
});
afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A PENDING run that is older than the service that opens afterwards. */
const olderRun = async (): Promise<RunId> => {
  await using api = await openApi(server, masterKey);
  return (await api.runs.start({ spec: specOf(), idempotencyKey: null })).id;
};
/** Returns false if the process is gone. */
const signal = (pid: number, name: NodeJS.Signals): boolean => {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
};
const openLossy = (more = {}) => openService({ server, masterKey, directory, mayLoseTails: true, ...more });

test('W10: for 5 s after a lossy Redis came back no supervisor starts an older run', async () => {
  const id = await olderRun();
  const backAt = Date.now();
  await using one = await openLossy();
  expect((await untilFinished(one.runs, id, 30_000)).status).toBe('COMPLETED');
  const started = (await storedEvents(one.redis, id)).find(
    (event) => event.kind === 'StatusChanged' && event.status === 'STARTING',
  );
  expect((started?.timestamp ?? 0) - backAt).toBeGreaterThanOrEqual(SETTLE_MS);
}, 60_000);

test('W10a: in those 5 s a cancel of a PENDING run is stored at once, and ends the run after them', async () => {
  const id = await olderRun();
  const backAt = Date.now();
  await using one = await openLossy();
  const noted = await one.runs.cancel(id, 'enough', false);
  expect(noted.cancelRequestedAt).not.toBeNull();
  expect((await untilFinished(one.runs, id, 30_000)).status).toBe('CANCELLED');
  const end = (await storedEvents(one.redis, id)).at(-1);
  expect(end).toMatchObject({ kind: 'RunFinished', message: 'Run CANCELLED: enough' });
  expect((end?.timestamp ?? 0) - backAt).toBeGreaterThanOrEqual(SETTLE_MS);
}, 60_000);

test('W4h: a slot stays taken while more than two executors per slot are in their guard period', async () => {
  await using one = await openLossy({ maxConcurrentRuns: 1 });
  const { runs } = one;
  const stopped: number[] = [];
  try {
    while (stopped.length < 3) {
      const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
      await untilFinished(runs, id, 30_000);
      // A stopped process cannot exit when its guard period has passed. signal() is false if it has already exited.
      for (const pid of await findByEnvironment({ RUN_ID: id })) {
        if (signal(pid, 'SIGSTOP')) stopped.push(pid);
      }
    }
    const { id } = await runs.start({ spec: specOf(), idempotencyKey: null });
    await delay(1500);
    expect(await runs.get(id)).toMatchObject({ status: 'PENDING' });
    signal(stopped[0] ?? 0, 'SIGCONT');
    expect(await untilFinished(runs, id, 30_000)).toMatchObject({ status: 'COMPLETED' });
  } finally {
    for (const pid of stopped) signal(pid, 'SIGCONT');
    await until(
      () => one.launcher.list(),
      (list) => list.length === 0,
      80_000,
    );
  }
}, 120_000);
