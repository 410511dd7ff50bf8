import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectRedis, type RedisConnection } from '../../../src/redis/connection.ts';
import { createAnnouncements } from '../../../src/redis/pubsub.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

const logger = pino({ level: 'silent' });
let server: TestRedis;
let admin: Redis;
const rejections: unknown[] = [];
const onRejection = (reason: unknown): void => {
  rejections.push(reason);
};

beforeAll(async () => {
  process.on('unhandledRejection', onRejection);
  server = await startRedis();
  admin = await server.connect();
});
afterAll(async () => {
  await server.stop();
  process.off('unhandledRejection', onRejection);
  expect(rejections).toEqual([]);
});

const subscriberOf = async (url = server.url): Promise<RedisConnection> => {
  const connection = connectRedis(url, 'subscriber', 'test', logger);
  await connection.whenReady(AbortSignal.timeout(10_000));
  return connection;
};
const subscribersOf = async (channel: string): Promise<number> => {
  const [, count] = (await admin.pubsub('NUMSUB', channel)) as [string, number];
  return Number(count);
};

test('subscribe resolves after the acknowledgement, so a message published afterwards arrives, as bytes', async () => {
  await using connection = await subscriberOf();
  const announcements = createAnnouncements(connection, logger);
  const got: Buffer[] = [];
  const free = await announcements.subscribe('bytes', (bytes) => got.push(bytes));
  expect(await subscribersOf('bytes')).toBe(1);
  const sent = Buffer.from([0, 255, 254, 10, 13]);
  await admin.publish('bytes', sent);
  await admin.publish('bytes', '123');
  await vi.waitUntil(() => got.length === 2, { timeout: 20_000 });
  expect(got[0]?.equals(sent)).toBe(true);
  expect(got[1]).toEqual(Buffer.from('123'));
  free();
});

test('subscribers of one channel share one subscription, and the last one frees it at once', async () => {
  await using connection = await subscriberOf();
  const announcements = createAnnouncements(connection, logger);
  let first = 0;
  let second = 0;
  const [freeFirst, freeSecond] = await Promise.all([
    announcements.subscribe('shared', () => {
      first += 1;
    }),
    announcements.subscribe('shared', () => {
      second += 1;
    }),
  ]);
  expect(await subscribersOf('shared')).toBe(1);
  freeFirst();
  freeFirst();
  await admin.publish('shared', 'x');
  await vi.waitUntil(() => second === 1, { timeout: 20_000 });
  expect(first).toBe(0);
  expect(await subscribersOf('shared')).toBe(1);
  freeSecond();
  await vi.waitUntil(async () => (await subscribersOf('shared')) === 0, { timeout: 20_000 });
});

test('a subscriber that throws does not affect the others', async () => {
  await using connection = await subscriberOf();
  const announcements = createAnnouncements(connection, logger);
  let reached = 0;
  await announcements.subscribe('throws', () => {
    throw new Error('a faulty subscriber');
  });
  await announcements.subscribe('throws', () => {
    reached += 1;
  });
  await admin.publish('throws', 'x');
  await vi.waitUntil(() => reached === 1, { timeout: 20_000 });
});

test('reports a reconnection only after all channels are subscribed to again', async () => {
  await using connection = await subscriberOf();
  const announcements = createAnnouncements(connection, logger);
  const channels = Array.from({ length: 50 }, (_, i) => `again-${i}`);
  let got = 0;
  for (const channel of channels) {
    await announcements.subscribe(channel, () => {
      got += 1;
    });
  }
  const freed = await announcements.subscribe('again-freed', () => undefined);
  const reconnected = Promise.withResolvers<void>();
  announcements.onReconnect(() => reconnected.resolve());
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await vi.waitUntil(() => !connection.ready, { timeout: 20_000 });
  freed();
  await reconnected.promise;
  await Promise.all(channels.map((channel) => admin.publish(channel, 'x')));
  await vi.waitUntil(() => got === channels.length, { timeout: 20_000 });
  expect(await subscribersOf('again-freed')).toBe(0);
});

test('a subscription made while Redis is away waits until it is back, and crashes nothing', async () => {
  const first = await startRedis();
  const { directory } = first;
  await using connection = await subscriberOf(first.url);
  const announcements = createAnnouncements(connection, logger);
  const before = await announcements.subscribe('kept', () => undefined);
  await using again = { [Symbol.asyncDispose]: () => first.stop() };
  expect(again).toBeDefined();
  process.kill(first.pid, 'SIGKILL');
  await vi.waitUntil(() => !connection.ready, { timeout: 20_000 });
  const got: string[] = [];
  let acknowledged = false;
  const pending = announcements
    .subscribe('later', (bytes) => got.push(bytes.toString()))
    .then((free) => {
      acknowledged = true;
      return free;
    });
  const unwanted = announcements.subscribe('unwanted', () => undefined).then((free) => free());
  before();
  expect(acknowledged).toBe(false);
  await using second = await startRedis({ directory });
  await pending;
  await unwanted;
  const other = await second.connect();
  await other.publish('later', 'here');
  await vi.waitUntil(() => got.length === 1, { timeout: 20_000 });
  await vi.waitUntil(async () => {
    const list = (await other.pubsub('CHANNELS')) as string[];
    return list.length === 1 && list[0] === 'later';
  });
});

test('a subscription that Redis refuses is made as soon as the right is granted', async () => {
  await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>pw', '+@all', '~*', 'resetchannels', '&open');
  await using connection = await subscriberOf(`unix://narrow:pw@${server.socketPath}`);
  const announcements = createAnnouncements(connection, logger);
  await announcements.subscribe('open', () => undefined);
  const pending = announcements.subscribe('closed', () => undefined);
  await admin.call('ACL', 'SETUSER', 'narrow', '&closed');
  await pending;
  expect(await subscribersOf('closed')).toBe(1);
});
