/** What the Redis user of an attempt can do, how long it exists, and what a Redis without users means. */
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newRunId, type RunId } from '../../../../src/domain/ids.ts';
import { EXECUTOR_SCRIPTS } from '../../../../src/redis/executors/executorScripts.ts';
import { ACTIVE_RUNS } from '../../../../src/runs/records/indexKeys.ts';
import { appendBatch, claimLog } from '../../../../src/wire/append.ts';
import { encodeBatch } from '../../../../src/wire/batchBuilder.ts';
import { compactTail } from '../../../../src/wire/compact.ts';
import { controlChannel, logKey, recordKey } from '../../../../src/wire/keys.ts';
import { parseRedisUrl } from '../../../../src/wire/redisUrl.ts';
import { recordFields } from '../../../../src/wire/runRecord.ts';
import { testAccess } from '../../../support/redis/executorAccess.ts';
import { startRedis, type TestRedis } from '../../../support/redis/redis.ts';
import { startRedisPair } from '../../../support/redis/redisPair.ts';

const WAIT = { timeout: 20_000, interval: 50 };
let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const login = (url: string): Redis => {
  const { socketPath, host, port, username, password } = parseRedisUrl(url);
  const redis = new Redis({
    ...(socketPath === null ? { host, port } : { path: socketPath }),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  redis.on('error', () => undefined);
  return redis;
};
const canLogIn = async (url: string): Promise<boolean> => {
  const redis = login(url);
  try {
    return (await redis.time().catch(() => null)) !== null;
  } finally {
    redis.disconnect();
  }
};

const startingRecord = async (redis: Redis, runId: RunId): Promise<void> => {
  const record = { id: runId, status: 'STARTING', attempt: 1, term: 1, writer: 'supervisor', lastSeq: 0 } as const;
  await redis.hset(recordKey(runId), recordFields({ ...record, maxLogBytes: 1000, retentionMs: 60_000 }));
  await redis.zadd(ACTIVE_RUNS, 0, runId);
};

test('the user can do what an executor does: claim, append, compact, subscribe to its channel, read its log', async () => {
  await using opened = await testAccess(server.url);
  const service = opened.connection.redis;
  const runId = newRunId();
  const url = await opened.access.open(runId, 1);
  await startingRecord(service, runId);
  const executor = login(url);
  const claimed = await claimLog(executor, runId, { writer: 'executor', attempt: 1, statuses: ['STARTING'] });
  expect(claimed.code).toBe('OK');
  const changesChannel = controlChannel(runId);
  const append = { term: 2, writer: 'executor', count: 1, lines: 1, messageBytes: 400, closes: false, changes: {} };
  // Enough to exceed the budget (XRANGE, XDEL), and a closing batch (PEXPIRE).
  for (let seq = 1; seq <= 6; seq += 1) {
    const reply = await appendBatch(executor, runId, { ...append, firstSeq: seq, batch: Buffer.from('{}') });
    expect(reply.code).toBe('OK');
  }
  const small = { term: 2, writer: 'executor', lines: 2, messageBytes: 20 };
  const drafts = (text: string) => [{ kind: 'GroupStarted', timestamp: 1, name: text }] as const;
  for (const seq of [7, 8]) {
    const batch = encodeBatch(drafts(`${seq}`), seq, 1);
    expect((await appendBatch(executor, runId, { ...append, messageBytes: 10, firstSeq: seq, batch })).code).toBe('OK');
  }
  const merged = encodeBatch([...drafts('7'), ...drafts('8')], 7, 1);
  const request = { ...small, firstSeq: 7, lastSeq: 8, entries: 2, batch: merged };
  expect(await compactTail(executor, runId, request)).toBe(true);
  const changes = { status: 'COMPLETED' } as const;
  const last = { ...append, firstSeq: 9, batch: Buffer.from('{}'), closes: true, changes, changesChannel };
  expect((await appendBatch(executor, runId, last)).code).toBe('OK');
  expect(await executor.hget(recordKey(runId), 'lastSeq')).toBe('9');
  expect(await executor.xrevrange(logKey(runId), '+', '-', 'COUNT', 1)).toHaveLength(1);
  expect(await executor.xdel(logKey(runId), '0-1')).toBe(0);
  const listener = login(url);
  await listener.subscribe(controlChannel(runId));
  executor.disconnect();
  listener.disconnect();
});

test('R3: the user is gone, and its connections are closed, when the access is closed; another attempt keeps its own', async () => {
  await using opened = await testAccess(server.url);
  const { access } = opened;
  const runId = newRunId();
  const [first, second] = [await access.open(runId, 1), await access.open(runId, 2)];
  const executor = login(first);
  await executor.time();
  expect(await access.opened()).toEqual(expect.arrayContaining([1, 2].map((attempt) => ({ runId, attempt }))));
  const closed = new Promise((resolve) => executor.once('close', resolve));
  await access.close(runId, 1);
  await access.close(runId, 1);
  await closed;
  executor.disconnect();
  expect(await canLogIn(first)).toBe(false);
  expect(await canLogIn(second)).toBe(true);
  expect(await access.opened()).not.toContainEqual({ runId, attempt: 1 });
});

test('R3: opening the access again leaves the connections of the executor alone', async () => {
  await using opened = await testAccess(server.url);
  const runId = newRunId();
  const url = await opened.access.open(runId, 1);
  const listener = login(url);
  await listener.subscribe(controlChannel(runId));
  let closed = 0;
  listener.on('close', () => {
    closed += 1;
  });
  expect(await opened.access.open(runId, 1)).toBe(url);
  const heard = new Promise((resolve) => listener.once('message', resolve));
  await opened.connection.redis.publish(controlChannel(runId), 'still here');
  await heard;
  expect(closed).toBe(0);
  listener.disconnect();
});

test('R3: users and scripts are made again after a restart of Redis, also for attempts that another process opened', async () => {
  const first = await startRedis({ config: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  await using opened = await testAccess(first.url);
  const [own, others] = [newRunId(), newRunId()];
  await startingRecord(opened.connection.redis, others);
  const url = await opened.access.open(own, 1);
  // The same key and installation: another process of the service.
  const another = await testAccess(first.url);
  const othersUrl = await another.access.open(others, 1);
  await another[Symbol.asyncDispose]();
  process.kill(first.pid, 'SIGKILL');
  await vi.waitUntil(() => !opened.connection.ready, WAIT);
  const config = ['--appendonly', 'yes', '--appendfsync', 'always'];
  await using second = await startRedis({ directory: first.directory, config });
  for (const one of [url, othersUrl]) await vi.waitUntil(() => canLogIn(one), WAIT);
  const shas = await opened.connection.redis.hkeys(EXECUTOR_SCRIPTS);
  const known = (): Promise<unknown> => opened.connection.redis.script('EXISTS', ...shas);
  expect(shas).toHaveLength(4);
  await vi.waitFor(async () => expect(await known()).toEqual([1, 1, 1, 1]), WAIT);
  // And after a SCRIPT FLUSH, at the next look.
  await opened.connection.redis.script('FLUSH');
  await opened.access.opened();
  expect(await known()).toEqual([1, 1, 1, 1]);
  void second;
  await first.stop();
});

test('R3: users and scripts are made on the new primary after a fail-over', async () => {
  await using pair = await startRedisPair();
  await using opened = await testAccess(pair.url);
  const runId = newRunId();
  const url = await opened.access.open(runId, 1);
  await startingRecord(opened.connection.redis, runId);
  await pair.failOver();
  await vi.waitUntil(() => canLogIn(url), WAIT);
  const executor = login(url);
  const claim = () => claimLog(executor, runId, { writer: 'executor', attempt: 1, statuses: ['STARTING'] });
  await vi.waitFor(async () => expect((await claim()).code).toBe('OK'), WAIT);
  expect(await pair.second.call('ACL', 'USERS')).toHaveLength(2);
  executor.disconnect();
}, 60_000);

test('scripts of an earlier version stay loaded for executors that it started', async () => {
  await using opened = await testAccess(server.url);
  const earlier = "return 'an earlier append'";
  const sha = String(await opened.connection.redis.script('LOAD', earlier));
  await opened.connection.redis.hset(EXECUTOR_SCRIPTS, sha, earlier);
  await opened.connection.redis.script('FLUSH');
  await using upgraded = await testAccess(server.url);
  expect(await upgraded.connection.redis.evalsha(sha, 0)).toBe('an earlier append');
  await opened.connection.redis.hdel(EXECUTOR_SCRIPTS, sha);
});

test('the user that executors of version 0.1 share stays while one is connected, and is made again with Redis', async () => {
  const admin = await server.connect();
  await admin.call('ACL', 'SETUSER', 'runloom-executor', 'on', '>secret', '~run:*', '+@all');
  const executor = login(`unix://runloom-executor:secret@${server.socketPath}`);
  await executor.ping();
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    await using opened = await testAccess(server.url);
    const users = async (): Promise<unknown> => {
      await opened.access.opened();
      return (await admin.call('ACL', 'USERS')) as string[];
    };
    vi.advanceTimersByTime(120_000);
    expect(await users()).toContain('runloom-executor');
    executor.disconnect();
    await vi.waitFor(
      async () => expect(String(await admin.client('LIST'))).not.toMatch(/user=runloom-executor /),
      WAIT,
    );
    expect(await users()).toContain('runloom-executor');
    vi.advanceTimersByTime(61_000);
    expect(await users()).not.toContain('runloom-executor');
  } finally {
    vi.useRealTimers();
  }
});

test('R3a: if Redis refuses to make users, executors use the login of the service, and the start says so', async () => {
  const admin = await server.connect();
  await admin.call('ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-acl');
  const serviceUrl = `unix://managed:pw@${server.socketPath}`;
  await using opened = await testAccess(serviceUrl);
  expect(opened.said).toEqual([expect.stringMatching(/^WARNING: Redis refuses ACL SETUSER/)]);
  expect(await opened.access.open(newRunId(), 1)).toBe(serviceUrl);
});

test('R3a: the start says if EXECUTOR_REDIS_URL has a login, or if anybody can log in', async () => {
  const explicitUrl = `unix://somebody:else@${server.socketPath}`;
  await using shared = await testAccess(server.url, { explicitUrl });
  expect(shared.said).toEqual([expect.stringMatching(/^WARNING: EXECUTOR_REDIS_URL has a login/)]);
  expect(await shared.access.open(newRunId(), 1)).toBe(explicitUrl);
  await using own = await testAccess(server.url, { explicitUrl: `unix://${server.socketPath}` });
  expect(await own.access.open(newRunId(), 1)).toMatch(/^unix:\/\/runloom-executor%3Atest%3A/);
  expect(own.said).toEqual([expect.stringMatching(/^WARNING: Redis has a user "default" without a password/)]);
});
