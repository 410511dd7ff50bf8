import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newRunId } from '../../../src/domain/ids.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import { executorCredentials, keepExecutorUser } from '../../../src/redis/executorUser.ts';
import { appendBatch, claimLog } from '../../../src/wire/append.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { compactTail } from '../../../src/wire/compact.ts';
import { controlChannel, logChannel, logKey, recordKey } from '../../../src/wire/keys.ts';
import { recordFields } from '../../../src/wire/runRecord.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';

const logger = pino({ level: 'silent' });
const masterKey = randomBytes(32);
let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const login = (own: TestRedis, username: string, password: string): Redis => {
  const redis = new Redis({
    path: own.socketPath,
    username,
    password,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  redis.on('error', () => undefined);
  return redis;
};

test('the user can do what an executor does: claim, append, compact, subscribe to its channels, read its log', async () => {
  await using service = connectRedis(server.url, 'commands', 'one', logger);
  const credentials = await keepExecutorUser(service, masterKey, false, logger);
  expect(credentials).toEqual(executorCredentials(masterKey));
  const executor = login(server, credentials?.username ?? '', credentials?.password ?? '');
  const runId = newRunId();
  const record = { id: runId, status: 'STARTING', attempt: 1, term: 1, writer: 'supervisor', lastSeq: 0 } as const;
  const limits = { maxLogBytes: 1000, retentionMs: 60_000 };
  await service.redis.hset(recordKey(runId), recordFields({ ...record, ...limits }));
  const claimed = await claimLog(executor, runId, { writer: 'executor', attempt: 1, statuses: ['STARTING'] });
  expect(claimed.code).toBe('OK');
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
  expect(await compactTail(executor, runId, { ...small, firstSeq: 7, lastSeq: 8, entries: 2, batch: merged })).toBe(
    true,
  );
  const last = {
    ...append,
    firstSeq: 9,
    batch: Buffer.from('{}'),
    closes: true,
    changes: { status: 'COMPLETED' } as const,
  };
  expect((await appendBatch(executor, runId, last)).code).toBe('OK');
  expect(await executor.hget(recordKey(runId), 'lastSeq')).toBe('9');
  expect(await executor.xrevrange(logKey(runId), '+', '-', 'COUNT', 1)).toHaveLength(1);
  const listener = login(server, credentials?.username ?? '', credentials?.password ?? '');
  await listener.subscribe(controlChannel(runId));
  await listener.ping();
  executor.disconnect();
  listener.disconnect();
});

test('the user can do nothing else', async () => {
  await using service = connectRedis(server.url, 'commands', 'one', logger);
  const credentials = await keepExecutorUser(service, masterKey, false, logger);
  const executor = login(server, credentials?.username ?? '', credentials?.password ?? '');
  await service.redis.set('runloom:secrets-key', 'x');
  await service.redis.set('other', 'x');
  const refused = [
    ['GET', 'runloom:secrets-key'],
    ['HGETALL', 'runloom:secrets-key'],
    ['EVAL', "return redis.call('HGETALL', 'other')", '0'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'run:{x}'],
    ['EVAL', "return redis.call('KEYS', '*')", '0'],
    ['DEL', 'run:{x}'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['CLIENT', 'LIST'],
    ['MONITOR'],
    ['INFO'],
    ['SHUTDOWN'],
    ['SCRIPT', 'FLUSH'],
    ['PUBLISH', 'elsewhere', 'x'],
    ['SUBSCRIBE', 'elsewhere'],
    ['PSUBSCRIBE', '*'],
    ['XADD', 'other', '*', 'a', 'b'],
  ] as const;
  for (const [name, ...args] of refused) {
    await expect(executor.call(name, ...args), name).rejects.toThrow(/NOPERM|user executing the script can't/);
  }
  expect(await executor.publish(logChannel(newRunId()), 'x')).toBe(0);
  executor.disconnect();
});

test('the user is created again after a restart of Redis, which loses it', async () => {
  const first = await startRedis();
  await using service = connectRedis(first.url, 'commands', 'one', logger);
  const credentials = await keepExecutorUser(service, masterKey, false, logger);
  process.kill(first.pid, 'SIGKILL');
  await vi.waitUntil(() => !service.ready, { timeout: 20_000 });
  await using second = await startRedis({ directory: first.directory });
  const executor = login(second, credentials?.username ?? '', credentials?.password ?? '');
  await vi.waitUntil(async () => (await executor.ping().catch(() => null)) === 'PONG', { timeout: 20_000 });
  executor.disconnect();
  service.close();
  await first.stop();
});

test('if Redis refuses to create users, there are no credentials, and a warning is logged', async () => {
  const admin = await server.connect();
  await admin.call('ACL', 'SETUSER', 'managed', 'on', '>pw', '~*', '&*', '+@all', '-acl');
  const warnings: string[] = [];
  const listening = pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) });
  await using service = connectRedis(`unix://managed:pw@${server.socketPath}`, 'commands', 'one', listening);
  expect(await keepExecutorUser(service, masterKey, false, listening)).toBeNull();
  expect(warnings).toHaveLength(1);
});
