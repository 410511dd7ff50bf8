import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectRedis } from '../../../src/redis/connection.ts';
import { masterKeyOf } from '../../../src/redis/masterKey.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

const logger = pino({ level: 'silent' });
let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

test('notices that Redis no longer answers, and is ready again when it does', async () => {
  await using own = await startRedis();
  await using connection = connectRedis(own.url, 'commands', 'silent', logger);
  await connection.whenReady(AbortSignal.timeout(5000));
  process.kill(own.pid, 'SIGSTOP');
  try {
    await vi.waitUntil(() => !connection.ready, { timeout: 40_000 });
    expect(connection.trouble).not.toBeNull();
    await expect(connection.redis.get('x')).rejects.toThrow();
  } finally {
    process.kill(own.pid, 'SIGCONT');
  }
  await connection.whenReady(AbortSignal.timeout(40_000));
  expect(await connection.redis.get('x')).toBeNull();
}, 90_000);

test('a command fails at once while Redis is away', async () => {
  const own = await startRedis();
  await using connection = connectRedis(own.url, 'commands', 'away', logger);
  await connection.whenReady(AbortSignal.timeout(5000));
  await own.stop();
  await expect(connection.redis.get('x')).rejects.toThrow();
});

test('a server that accepts connections and never answers is given up and tried again', async () => {
  let accepted = 0;
  const path = join(server.directory, 'mute.sock');
  const mute = createServer((socket) => {
    accepted += 1;
    socket.on('error', () => undefined);
    socket.resume();
  });
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  const connection = connectRedis(`unix://${path}`, 'queue', 'mute', logger);
  try {
    await vi.waitUntil(() => accepted >= 2, { timeout: 50_000 });
    expect(connection.ready).toBe(false);
    await expect(connection.whenReady(AbortSignal.timeout(10))).rejects.toThrow();
  } finally {
    connection.close();
    mute.close();
  }
});

test('shows its service and role in CLIENT LIST', async () => {
  await using connection = connectRedis(server.url, 'queue', 'some-service', logger);
  await connection.whenReady(AbortSignal.timeout(5000));
  const admin = await server.connect();
  expect(String(await admin.client('LIST'))).toContain('name=runloom:some-service:queue');
});

test('the master key is made once and then the same for all services, or is SECRETS_KEY', async () => {
  const redis = await server.connect();
  const keys = await Promise.all(Array.from({ length: 5 }, () => masterKeyOf(redis, null)));
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  expect(keys[0]).toHaveLength(32);
  const own = Buffer.alloc(32, 7);
  expect(await masterKeyOf(redis, own)).toBe(own);
});
