import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { containerTraits } from '../../../src/launchers/container/launcher.ts';
import { PROCESS_TRAITS } from '../../../src/launchers/process/launcher.ts';
import { type RedisForExecutorsOptions, redisForExecutors } from '../../../src/redis/relay/executorRedis.ts';
import { keepRelay, type Relay } from '../../../src/redis/relay/relay.ts';
import { REDIS_DIRECTORY } from '../../../src/wire/executorRoot.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

const logger = pino({ level: 'silent' });
const environment = { PATH: process.env.PATH ?? '' };
const runtime = mkdtempSync(join(tmpdir(), 'rl-run-'));
let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  for (const pid of relays()) process.kill(pid, 'SIGTERM');
  await vi.waitUntil(() => relays().length === 0, { timeout: 20_000 });
  await server.stop();
  rmSync(runtime, { recursive: true, force: true });
});

/** Only the relays of this file: their arguments name its runtime directory. */
const relays = (): number[] =>
  execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('relayMain.ts') && line.includes(runtime) && !line.includes(' sh '))
    .map((line) => Number.parseInt(line, 10));

const user = { username: 'an:executor', password: 'p w' };
const common: RedisForExecutorsOptions = {
  serviceUrl: 'redis://redis.example:6380/3',
  explicitUrl: null,
  reach: containerTraits('bridge').redisReach,
  runtimeDirectory: runtime,
  environment,
  logger,
};

test('executors reach a Redis on the network at its own address, as their own user', async () => {
  const { urlFor, mount } = await redisForExecutors(common);
  expect(urlFor(user)).toBe('redis://an%3Aexecutor:p%20w@redis.example:6380/3');
  expect(mount).toBeNull();
});

test('if there is no user for executors, they use the service’s own login', async () => {
  const serviceUrl = 'rediss://me:secret@redis.example:6380';
  expect((await redisForExecutors({ ...common, serviceUrl })).urlFor(null)).toBe(serviceUrl);
});

test('EXECUTOR_REDIS_URL is used as it is; the user is added to it', async () => {
  const explicitUrl = 'redis://host.containers.internal:6379';
  const found = await redisForExecutors({ ...common, explicitUrl });
  expect(found).toMatchObject({ hasLogin: false, mount: null });
  expect(found.urlFor(null)).toBe(explicitUrl);
  expect(found.urlFor(user)).toBe('redis://an%3Aexecutor:p%20w@host.containers.internal:6379');
  const withLogin = await redisForExecutors({ ...common, explicitUrl: 'redis://:pw@host.containers.internal:6379' });
  expect(withLogin.hasLogin).toBe(true);
});

test('a process uses loopback and sockets directly', async () => {
  const options = { ...common, reach: PROCESS_TRAITS.redisReach, serviceUrl: 'redis://127.0.0.1:6379' };
  expect((await redisForExecutors(options)).urlFor(user)).toBe('redis://an%3Aexecutor:p%20w@127.0.0.1:6379');
});

test('containers on the network of the host use loopback directly', async () => {
  const { redisReach: reach } = containerTraits('host');
  const found = await redisForExecutors({ ...common, reach, serviceUrl: 'redis://127.0.0.1:6379' });
  expect(found.mount).toBeNull();
  expect(found.urlFor(null)).toBe('redis://127.0.0.1:6379');
});

test('executors on other machines get a network address, or an error that says what to set', async () => {
  const reach = { by: 'network' } as const;
  expect((await redisForExecutors({ ...common, reach })).urlFor(null)).toBe(common.serviceUrl);
  for (const serviceUrl of ['redis://127.0.0.1:6379', 'unix:///run/redis/redis.sock']) {
    await expect(redisForExecutors({ ...common, reach, serviceUrl })).rejects.toThrow('Set EXECUTOR_REDIS_URL');
    const explicit = { ...common, reach, serviceUrl, explicitUrl: 'redis://redis.example:6379' };
    expect((await redisForExecutors(explicit)).urlFor(null)).toBe('redis://redis.example:6379');
  }
});

test('a socket in a directory closed to others is mounted with its directory and group', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rl-sock-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o750);
  const found = await redisForExecutors({ ...common, serviceUrl: `unix:///${directory}/redis.sock?db=2` });
  expect(found.urlFor(user)).toBe(`unix://an%3Aexecutor:p%20w@${REDIS_DIRECTORY}/redis.sock?db=2`);
  expect(found.mount?.directory.endsWith(directory)).toBe(true);
  expect(found.mount?.gid).toBe(statSync(directory).gid);
});

test('a Redis on loopback, and a socket that is open to all, are reached through a relay', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'rl-open-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  await using tcp = await startRedis({ config: ['--port', '0'] });
  chmodSync(tcp.directory, 0o755);
  await using found = await redisForExecutors({ ...common, serviceUrl: tcp.url });
  expect(found.urlFor(null)).toBe(`unix://${REDIS_DIRECTORY}/redis.sock`);
  const mount = found.mount?.directory ?? '';
  expect(statSync(mount).mode & 0o777).toBe(0o750);
  expect(found.mount?.gid).toBe(statSync(mount).gid);
  const redis = new Redis({ path: join(mount, 'redis.sock') });
  expect(await redis.set('through', 'x'.repeat(5_000_000))).toBe('OK');
  expect(await redis.strlen('through')).toBe(5_000_000);
  expect(await redis.get('through')).toBe('x'.repeat(5_000_000));
  redis.disconnect();
});

const relayTo = async (port: number, idleMs?: number): Promise<Relay> =>
  await keepRelay(
    { socketPath: null, host: '127.0.0.1', port, tls: false },
    { runtimeDirectory: runtime, environment, logger, ...(idleMs === undefined ? {} : { idleMs }) },
  );
const listen = async (onConnection: (socket: Socket) => void): Promise<number> => {
  const target = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    target.close();
  });
  return (target.address() as AddressInfo).port;
};

test('a relay passes bytes both ways unchanged, and passes on the end of either side', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  await using relay = await relayTo(port);
  const sent = randomBytes(3_000_000);
  const near = connect({ path: join(relay.directory, relay.socketName), allowHalfOpen: true });
  const hash = createHash('sha256');
  near.on('data', (chunk: Buffer) => hash.update(chunk));
  near.end(sent);
  await new Promise((resolve) => near.once('end', resolve));
  expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
});

test('a relay reads no faster than the other side takes', async () => {
  const port = await listen((socket) => socket.pause());
  await using relay = await relayTo(port);
  const near = connect(join(relay.directory, relay.socketName));
  const chunk = Buffer.alloc(1024 * 1024);
  let taken = 0;
  const feed = (): void => {
    near.write(chunk, () => {
      taken += 1;
      if (taken < 200) feed();
    });
  };
  feed();
  let before = -1;
  await vi.waitUntil(
    () => {
      const still = taken === before;
      before = taken;
      return still;
    },
    { interval: 700, timeout: 10_000 },
  );
  expect(taken).toBeLessThan(50);
  near.destroy();
}, 20_000);

test('services that start at once share one relay, and a killed one is started again with the same socket', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const before = new Set(relays());
  const all = await Promise.all(Array.from({ length: 5 }, () => relayTo(port, 4000)));
  const [pid, ...more] = relays().filter((one) => !before.has(one));
  expect(more).toEqual([]);
  expect(new Set(all.map((relay) => relay.directory)).size).toBe(1);
  process.kill(pid ?? 0, 'SIGKILL');
  await vi.waitUntil(() => relays().some((one) => !before.has(one) && one !== pid), { timeout: 20_000 });
  for (const relay of all) await relay[Symbol.asyncDispose]();
}, 20_000);

test('a relay that is no longer used ends and removes its socket', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const before = new Set(relays());
  const relay = await relayTo(port, 800);
  await relay[Symbol.asyncDispose]();
  await vi.waitUntil(() => relays().every((one) => before.has(one)), { timeout: 20_000 });
  expect(() => statSync(join(relay.directory, relay.socketName))).toThrow();
  expect(dirname(relay.directory)).toContain(runtime);
}, 20_000);
