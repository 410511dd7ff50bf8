/** A private Redis whose files are removed while it runs still ends with its service. */
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readText, socketPathIn } from '../../../src/redis/private/privateFiles.ts';
import { isAlive } from '../../../src/system/processes.ts';
import { request, startRun } from '../../support/clients/client.ts';
import { until } from '../../support/runs/runs.ts';
import { type DataDirectory, dataDirectory, privateRedisPid, spawnService } from '../../support/startedService.ts';

const REMOVALS: readonly (readonly [string, (data: DataDirectory, socket: string) => Promise<void>])[] = [
  ['DATA_DIR was removed', (data) => rm(data.path, { recursive: true, maxRetries: 5 })],
  ['DATA_DIR was renamed', (data) => rename(data.path, `${data.path}-old`)],
  ['the pid file is gone', (data) => rm(join(data.path, 'redis.pid'))],
  ['the config is gone', (data) => rm(join(data.path, 'redis.conf'))],
  ['the socket is gone', (_data, socket) => rm(socket)],
  ['the directory of the socket is gone', (_data, socket) => rm(dirname(socket), { recursive: true })],
  [
    'all of it is gone',
    async (data, socket) => {
      await rm(dirname(socket), { recursive: true });
      await rm(data.path, { recursive: true, maxRetries: 5 });
    },
  ],
];

test('if DATA_DIR was removed, it is stopped although a run is alive: no service could find it again', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path } });
  const address = await service.address();
  const pid = (await privateRedisPid(data.path)) ?? expect.fail('there is no server');
  try {
    const id = await startRun(address, { command: ['sleep', '60'] });
    await until(
      () => request(address, 'query ($id: ID!) { run(id: $id) { status } }', { id }),
      ({ data }) => JSON.stringify(data).includes('RUNNING'),
    );
    await rm(data.path, { recursive: true, force: true, maxRetries: 5 });
    service.child.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
  } finally {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  }
}, 90_000);

test('a server whose socket was removed is started again with a socket and its data', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, LOG_LEVEL: 'silent' } });
  const address = await service.address();
  const first = await startRun(address, { command: ['true'] });
  const socket = socketPathIn(await readText(join(data.path, 'redis.conf'))) ?? expect.fail('there is no socket');
  const before = await privateRedisPid(data.path);
  await rm(socket);
  await until(
    () => privateRedisPid(data.path),
    (pid) => pid !== null && pid !== before,
    40_000,
  );
  const second = await until(
    () => startRun(address, { command: ['true'] }).catch(() => null),
    (id) => id !== null,
    40_000,
  );
  const { data: listed } = await request(address, '{ runs { edges { node { id } } } }');
  expect(JSON.stringify(listed)).toContain(first);
  expect(JSON.stringify(listed)).toContain(second);
  service.child.kill('SIGTERM');
  await service.ended;
}, 120_000);

test.each(REMOVALS)(
  'if %s, the private Redis is stopped with its service',
  async (_what, remove) => {
    await using data = await dataDirectory();
    await using service = spawnService({ env: { DATA_DIR: data.path } });
    const address = await service.address();
    const pid = (await privateRedisPid(data.path)) ?? expect.fail('there is no server');
    const socket = socketPathIn(await readText(join(data.path, 'redis.conf'))) ?? expect.fail('there is no socket');
    try {
      await startRun(address, { command: ['true'] });
      await until(
        () => request(address, '{ runs { edges { node { status } } } }'),
        ({ data }) => JSON.stringify(data).includes('COMPLETED'),
      );
      await remove(data, socket);
      service.child.kill('SIGTERM');
      expect(await service.ended).toEqual({ code: 0, signal: null });
      expect(isAlive(pid)).toBe(false);
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL');
      await rm(`${data.path}-old`, { recursive: true, force: true });
    }
  },
  90_000,
);
