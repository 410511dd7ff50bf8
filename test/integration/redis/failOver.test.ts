import { pino } from 'pino';
import { expect, test } from 'vitest';
import { connectRedis } from '../../../src/redis/connection.ts';
import { createAnnouncements } from '../../../src/redis/pubsub.ts';
import { audit, follow, request, startRun, wsClient } from '../../support/clients/client.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { startRedisPair } from '../../support/redis/redisPair.ts';
import { until } from '../../support/runs/runs.ts';
import { startService } from '../../support/service.ts';
import { dataDirectory, spawnService } from '../../support/startedService.ts';

const logger = pino({ level: 'silent' });
/** Long: it only ends a test that would hang. */
const HEALS_MS = 40_000;

test('S5c: a fail-over that leaves the old primary running as a replica moves every connection, idle ones too', async () => {
  await using pair = await startRedisPair();
  await using stack = new AsyncDisposableStack();
  const roles = ['commands', 'subscriber', 'queue'] as const;
  const [commands, subscriber, queue] = roles.map((role) => stack.use(connectRedis(pair.url, role, 'x', logger)));
  const all = [commands, subscriber, queue].filter((one) => one !== undefined);
  await Promise.all(all.map((one) => one.whenReady(AbortSignal.timeout(10_000))));
  const heard: string[] = [];
  if (subscriber === undefined) throw new Error('there is none');
  const announcements = createAnnouncements(subscriber, logger);
  let missed = 0;
  announcements.onReconnect(() => {
    missed += 1;
  });
  await announcements.subscribe('some channel', (bytes) => heard.push(bytes.toString()));

  await pair.failOver();
  expect(
    await until(
      () => pair.leftOnFirst(),
      (left) => left.length === 0,
      HEALS_MS,
    ),
  ).toEqual([]);
  await Promise.all(all.map((one) => one.whenReady(AbortSignal.timeout(10_000))));
  // Listeners learn that they can have missed something, and get what is announced at the new primary.
  await until(
    async () => missed,
    (count) => count === 1,
  );
  await pair.second.publish('some channel', 'news');
  await until(
    async () => heard,
    (messages) => messages.includes('news'),
  );
  expect(await commands?.redis.set('written', '1')).toBe('OK');
});

test('a command that a replica refused is sent again to the primary', async () => {
  await using pair = await startRedisPair();
  await using connection = connectRedis(pair.url, 'commands', 'x', logger);
  await connection.whenReady(AbortSignal.timeout(10_000));
  await pair.failOver();
  expect(await connection.redis.set('written', '1')).toBe('OK');
  const script = "return redis.call('SET', KEYS[1], '2')";
  expect(await connection.redis.eval(script, 1, 'written')).toBe('OK');
  expect(await pair.second.get('written')).toBe('2');
});

test('runs go on over a fail-over, no line is lost, and new runs start', async () => {
  await using pair = await startRedisPair();
  const service = await startService({ env: { REDIS_URL: pair.url, LOG_LEVEL: 'silent' } });
  const client = wsClient(service.url);
  try {
    const script = 'for i in $(seq 1 60); do echo line $i; sleep 0.2; done';
    const id = await startRun(service.url, { command: ['sh', '-c', script] });
    const following = follow(client, id);
    await until(
      () => request(service.url, 'query ($id: ID!) { run(id: $id) { lines } }', { id }),
      ({ data }) => ((data?.run as { lines: number } | null)?.lines ?? 0) > 5,
    );
    await pair.failOver({ addressStays: true });
    const ready = await until(
      () => fetch(`${service.url}/health/ready`),
      ({ status }) => status === 503,
      HEALS_MS,
    );
    expect(await ready.json()).toMatchObject({ status: 'unready', reason: expect.stringContaining('Redis') });
    pair.moveAddress();
    const second = await until(
      () => startRun(service.url, { command: ['echo', 'hello'] }).catch(() => null),
      (started) => started !== null,
      HEALS_MS,
    );
    expect(
      await until(
        () => pair.leftOnFirst(),
        (left) => left.length === 0,
        HEALS_MS,
      ),
    ).toEqual([]);
    await until(
      () => fetch(`${service.url}/health/ready`),
      ({ status }) => status === 200,
      HEALS_MS,
    );
    const { events, completed } = await following;
    expect(completed).toBe(true);
    const seen = audit(events);
    expect(seen).toMatchObject({ holes: 0, repeats: 0, lines: 60, finished: true });
    expect(seen.digest).toBe(seen.end?.digest);
    const other = await follow(client, second ?? '');
    expect(other.events.some(({ message }) => message === 'hello')).toBe(true);
  } finally {
    await client.dispose();
    await service.stop();
  }
}, 120_000);

test('ready means that a write succeeds, and any number of requests makes one write a second', async () => {
  await using server = await startRedis({ config: ['--maxmemory-policy', 'noeviction'] });
  const service = await startService({ env: { REDIS_URL: server.url, LOG_LEVEL: 'silent' } });
  const redis = await server.connect();
  const ready = (): Promise<Response> => fetch(`${service.url}/health/ready`);
  const writes = async (): Promise<number> =>
    Number(/cmdstat_set:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  try {
    expect((await ready()).status).toBe(200);
    const [key] = await redis.keys('runloom:ready:*');
    expect(await redis.pttl(key ?? '')).toBeGreaterThan(0);
    const [before, began] = [await writes(), performance.now()];
    await Promise.all(Array.from({ length: 200 }, ready));
    const seconds = (performance.now() - began) / 1000;
    expect((await writes()) - before).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
    await redis.config('SET', 'maxmemory', '1');
    const full = await until(ready, ({ status }) => status === 503);
    expect(await full.json()).toEqual({ status: 'unready', reason: 'Redis does not take writes (OOM).' });
    await redis.config('SET', 'maxmemory', '0');
    await until(ready, ({ status }) => status === 200);
    process.kill(server.pid, 'SIGSTOP');
    try {
      await until(ready, ({ status }) => status === 503);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await until(ready, ({ status }) => status === 200, HEALS_MS);
  } finally {
    await service.stop();
  }
}, 90_000);

test('the start on a read-only replica fails with the cause', async () => {
  await using pair = await startRedisPair();
  await pair.failOver({ addressStays: true });
  await using data = await dataDirectory();
  await using service = spawnService({ env: { REDIS_URL: pair.url, DATA_DIR: data.path } });
  expect((await service.ended).code).toBe(69);
  expect(service.err()).toMatch(/^REDIS_URL redis:\/\/127.0.0.1:\d+ does not take writes: READONLY .*\n$/);
}, 90_000);
