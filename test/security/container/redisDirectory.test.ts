/** No uid that a command can have can enter the directory of the Redis socket. */
import { chmod, chown } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import type { ContainerLauncher } from '../../../src/launchers/container/launcher.ts';
import { containerLauncher, REDIS_GID, REDIS_IN_CONTAINER } from '../../support/engines/engines.ts';
import { buildImage } from '../../support/engines/images.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { carryOut, newAttempt } from '../../support/runs/attempts.ts';

const engine = inject('engine');
/** The uid of a service that is not root on most machines, and the USER of most images. */
const OWNER = 1000;

const CONNECT = `const { readFileSync } = require('node:fs');
const mount = readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').map((line) => line.split(' ')[4])
  .find((path) => path?.endsWith('/run/runloom-redis'));
const socket = require('node:net').connect(mount + '/redis.sock');
socket.on('connect', () => { console.log('connected'); process.exit(); });
socket.on('error', (error) => console.log(process.getuid() + ' ' + process.getgid() + ' ' + error.code));`;

describe.skipIf(engine === null)('the directory of the Redis socket', () => {
  let server: TestRedis;
  let redis: Redis;
  let launcher: ContainerLauncher;
  beforeAll(async () => {
    if (engine === null) return;
    server = await startRedis();
    redis = await server.connect();
    launcher = await containerLauncher(engine, server);
    // As if the service's user owned the directory and everybody could enter it: its mode does not help then.
    await chown(server.directory, OWNER, OWNER);
    await chmod(server.directory, 0o777);
    await chmod(server.socketPath, 0o777);
  });
  afterAll(async () => {
    await launcher?.close();
    await server?.stop();
  });

  test.for([`${OWNER}`, `${OWNER}:${OWNER}`, `${OWNER}:0`, `999:${REDIS_GID}`, '0', 'root'])(
    'is closed to a command of USER %s, even if that user owns it',
    async (user) => {
      const docker = await connectEngine(engine?.socketPath ?? '');
      const name = `localhost/owner-${user.replace(':', '-')}:1`;
      const image = await buildImage(docker, name, `FROM ${engine?.executorImage}\nUSER ${user}\n`);
      const spec = await newAttempt(redis, REDIS_IN_CONTAINER, { command: ['node', '-e', CONNECT], image });
      const { text, end } = await carryOut(launcher, redis, spec);
      expect(end).toMatchObject({ status: 'COMPLETED' });
      expect(text).toMatch(/^\d+ \d+ EACCES\n$/);
    },
  );
});
