import { execFileSync, spawn } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import { connectRedis, redisOptions } from '../../../src/redis/connection.ts';
import { type PrivateRedis, startPrivateRedis } from '../../../src/redis/private/privateRedis.ts';
import { isAlive } from '../../../src/system/processes.ts';
import { parseRedisUrl } from '../../../src/wire/redisUrl.ts';

const logger = pino({ level: 'silent' });
const environment = { PATH: process.env.PATH ?? '' };
const directories: string[] = [];
const running: PrivateRedis[] = [];
const connections: Redis[] = [];

const dataDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'rl-data-'));
  directories.push(directory);
  return directory;
};
const start = async (directory: string, instance = 'one', path = environment.PATH): Promise<PrivateRedis> => {
  const server = await startPrivateRedis(
    {
      dataDirectory: directory,
      runtimeDirectory: null,
      environment: { PATH: path },
      instance,
      logger,
      say: () => undefined,
    },
    AbortSignal.timeout(20_000),
  );
  running.push(server);
  return server;
};
const connect = async (url: string, name = 'test'): Promise<Redis> => {
  const redis = new Redis({ ...redisOptions(url, 'commands', name), lazyConnect: true });
  redis.on('error', () => undefined);
  connections.push(redis);
  await redis.connect();
  return redis;
};
/** Pids of the redis-servers on a DATA_DIR, as the system reports them. */
const serversOn = (directory: string): string[] =>
  execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes(`redis-server ${directory}/redis.conf`));

afterEach(async () => {
  for (const redis of connections.splice(0)) redis.disconnect();
  for (const server of running.splice(0)) {
    await server.stop({ runsAlive: false });
    if (isAlive(server.pid)) process.kill(server.pid, 'SIGKILL');
    rmSync(server.directory, { recursive: true, force: true });
  }
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

test('is append-only with fsync always, listens only on a unix socket, and requires a password', async () => {
  const server = await start(dataDirectory());
  const redis = await connect(server.url);
  const setting = async (name: string): Promise<string> => String(((await redis.config('GET', name)) as string[])[1]);
  expect(await setting('appendonly')).toBe('yes');
  expect(await setting('appendfsync')).toBe('always');
  expect(await setting('port')).toBe('0');
  expect(await setting('save')).toBe('');
  expect(await setting('maxmemory-policy')).toBe('noeviction');
  expect(Buffer.byteLength(server.socketPath)).toBeLessThan(100);
  const stranger = new Redis({ path: server.socketPath, retryStrategy: () => null, lazyConnect: true });
  stranger.on('error', () => undefined);
  await expect(stranger.connect().then(() => stranger.get('x'))).rejects.toThrow();
  stranger.disconnect();
});

test('keeps its files closed to others, and its socket in a directory of the service’s group', async () => {
  const directory = dataDirectory();
  const server = await start(directory);
  for (const name of ['redis.conf', 'redis.acl', 'redis.password', 'redis.log']) {
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  }
  expect(lstatSync(server.directory).mode & 0o777).toBe(0o750);
  expect(statSync(server.directory).gid).toBe(process.getgid?.());
  const { password } = parseRedisUrl(server.url);
  const args = readFileSync(`/proc/${server.pid}/cmdline`, 'utf8');
  expect(args).not.toContain(password);
  const names = readFileSync(`/proc/${server.pid}/environ`, 'utf8')
    .split('\0')
    .map((one) => one.split('=')[0]);
  expect(names.filter((name) => name !== '' && name !== 'PATH' && name !== 'PWD')).toEqual([]);
});

test('has its own session', async () => {
  const server = await start(dataDirectory());
  const session = execFileSync('ps', ['-o', 'sid=', '-p', String(server.pid)], { encoding: 'utf8' });
  expect(Number(session)).toBe(server.pid);
});

test('ten services that start at the same instant share one server', async () => {
  const directory = dataDirectory();
  const servers = await Promise.all(Array.from({ length: 10 }, (_, i) => start(directory, `service-${i}`)));
  expect(new Set(servers.map((server) => server.pid)).size).toBe(1);
  expect(serversOn(directory)).toHaveLength(1);
  expect(servers.filter((server) => !server.adopted)).toHaveLength(1);
}, 30_000);

test('outlives a service that was killed, and the next service adopts it with its data', async () => {
  const directory = dataDirectory();
  const program = `
    import { startPrivateRedis } from ${JSON.stringify(new URL('../../../src/redis/private/privateRedis.ts', import.meta.url).href)};
    import { pino } from 'pino';
    const server = await startPrivateRedis({ dataDirectory: ${JSON.stringify(directory)}, runtimeDirectory: null,
      environment: { PATH: process.env.PATH }, instance: 'first', logger: pino({ level: 'silent' }), say: () => {} },
      AbortSignal.timeout(20000));
    console.log(server.pid);
    setInterval(() => {}, 1000);`;
  const file = join(directory, 'first.mjs');
  writeFileSync(file, program);
  const cwd = new URL('../../..', import.meta.url).pathname;
  const child = spawn('node', ['--input-type=module', '-e', program], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = await new Promise<number>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString()))),
  );
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  expect(isAlive(pid)).toBe(true);
  const successor = await start(directory, 'second');
  expect(successor.pid).toBe(pid);
  expect(successor.adopted).toBe(true);
}, 30_000);

test('is started again if it dies, with every acknowledged write', async () => {
  const server = await start(dataDirectory());
  await using connection = connectRedis(server.url, 'commands', 'one', logger);
  await connection.whenReady(AbortSignal.timeout(5000));
  for (let i = 0; i < 200; i += 1) await connection.redis.xadd('log', `${i + 1}-0`, 'd', 'x');
  const first = server.pid;
  process.kill(first, 'SIGKILL');
  await vi.waitUntil(() => server.pid !== first, { timeout: 20_000 });
  await connection.whenReady(AbortSignal.timeout(10_000));
  expect(await connection.redis.xlen('log')).toBe(200);
  connection.close();
}, 30_000);

test('the next server starts despite a stale socket, lock and pid file, and keeps the users of executors', async () => {
  const directory = dataDirectory();
  const first = await start(directory);
  const redis = await connect(first.url);
  await redis.call('ACL', 'SETUSER', 'runloom-executor', 'on', '>secret', '~run:*', '+@read');
  await redis.call('ACL', 'SAVE');
  await redis.set('kept', 'yes');
  redis.disconnect();
  first.leave();
  process.kill(first.pid, 'SIGKILL');
  await vi.waitUntil(() => !isAlive(first.pid), { timeout: 20_000 });
  expect(lstatSync(first.socketPath).isSocket()).toBe(true);
  writeFileSync(join(directory, 'redis.pid'), String(process.pid));
  const second = await start(directory);
  expect(second.adopted).toBe(false);
  expect(second.url).toBe(first.url);
  const again = await connect(second.url);
  expect(await again.get('kept')).toBe('yes');
  expect(await again.call('ACL', 'USERS')).toEqual(['default', 'runloom-executor']);
});

test('starts although a power cut truncated the last write', async () => {
  const directory = dataDirectory();
  const first = await start(directory);
  const redis = await connect(first.url);
  await redis.set('kept', 'yes');
  redis.disconnect();
  await first.stop({ runsAlive: false });
  const name = execFileSync('sh', ['-c', 'ls "$1"/appendonlydir/*.incr.aof', 'sh', directory], {
    encoding: 'utf8',
  }).trim();
  writeFileSync(name, '*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$10\r\nab', { flag: 'a' });
  const second = await start(directory);
  const again = await connect(second.url);
  expect(await again.get('kept')).toBe('yes');
  expect(await again.get('torn')).toBeNull();
});

test('stops with the service, and leaves only its files behind', async () => {
  const server = await start(dataDirectory());
  await using connection = connectRedis(server.url, 'commands', 'one', logger);
  await connection.whenReady(AbortSignal.timeout(5000));
  expect(await server.stop({ runsAlive: false })).toBeNull();
  expect(isAlive(server.pid)).toBe(false);
  expect(() => statSync(server.directory)).toThrow();
});

test('keeps running while there are live runs, an executor or another service', async () => {
  const directory = dataDirectory();
  const server = await start(directory, 'one');
  expect(await server.stop({ runsAlive: true })).toBe('runs');
  const admin = await connect(server.url);
  await admin.call('ACL', 'SETUSER', 'runloom-executor', 'on', '>secret', '+@all', '~*');
  const executor = await connect(`unix://runloom-executor:secret@${server.socketPath}`);
  expect(await server.stop({ runsAlive: false })).toBe('runs');
  executor.disconnect();
  const other = connectRedis(server.url, 'queue', 'two', logger);
  await other.whenReady(AbortSignal.timeout(5000));
  await vi.waitUntil(async () => (await server.stop({ runsAlive: false })) === 'another service', { timeout: 20_000 });
  other.close();
  await vi.waitUntil(async () => (await server.stop({ runsAlive: false })) === null, { timeout: 20_000 });
  expect(isAlive(server.pid)).toBe(false);
});

test('an unusable DATA_DIR is reported in one line', async () => {
  const directory = dataDirectory();
  const file = join(directory, 'file');
  writeFileSync(file, '');
  await expect(start(join(file, 'data'))).rejects.toThrow(/^DATA_DIR .* cannot be used: .*$/);
});

test('if the Redis server is too old or missing, the error says what to install', async () => {
  const directory = dataDirectory();
  const bin = join(directory, 'bin');
  execFileSync('sh', [
    '-c',
    'mkdir "$1" && printf \'#!/bin/sh\necho "Redis server v=6.0.16 sha=0"\' >"$1/redis-server" && chmod +x "$1/redis-server"',
    'sh',
    bin,
  ]);
  await expect(start(directory, 'one', bin)).rejects.toThrow(
    /redis-server 6\.0\.16 is too old: install redis-server 7\.0/,
  );
  await expect(start(directory, 'one', '/nonexistent')).rejects.toThrow(
    /There is no redis-server on this machine: install/,
  );
});
