/** With the credentials of one attempt, nothing but its own run can be reached in Redis. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newRunId, type RunId } from '../../src/domain/ids.ts';
import { EXECUTOR_SCRIPTS } from '../../src/redis/executors/executorScripts.ts';
import { socketPathIn } from '../../src/redis/private/privateFiles.ts';
import { ACTIVE_RUNS, runsIndex } from '../../src/runs/records/indexKeys.ts';
import { parseEnviron } from '../../src/system/processes.ts';
import { findByEnvironment } from '../../src/system/processIdentity.ts';
import { controlChannel, indexKey, leaseKey, logChannel, logKey, recordKey, seenKey } from '../../src/wire/keys.ts';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { COPY, MEASURE, PAGE, SWAP } from '../../src/wire/scripts/readScripts.ts';
import { APPEND, CLAIM, COMPACT, CREATE, DELETE } from '../../src/wire/scripts/writeScripts.ts';
import { startRun } from '../support/clients/client.ts';
import { cancelRun, expectOneEnd, shell, untilRun } from '../support/runs/lifecycle.ts';
import {
  type DataDirectory,
  dataDirectory,
  privateRedisPid,
  type StartedService,
  spawnService,
} from '../support/startedService.ts';

const WAIT = { timeout: 30_000, interval: 50 };
let data: DataDirectory;
let service: StartedService;
let url: string;
/** With all rights. */
let admin: Redis;
let own: RunId;
let other: RunId;
/** With the credentials of the attempt of `own`. */
let executor: Redis;
let credentials: { readonly username: string; readonly password: string };
let socketPath: string;

const login = (username: string, password: string): Redis => {
  const options = { path: socketPath, username, password, enableReadyCheck: false, disableClientInfo: true };
  const redis = new Redis({ ...options, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  return redis;
};

/** REDIS_URL from inside: the environment of the executor's process. */
const redisUrlOf = async (runId: string): Promise<string> => {
  const [pid] = await vi.waitUntil(async () => {
    const found = await findByEnvironment({ RUN_ID: runId }, ['RUN_KEY']);
    return found.length > 0 ? found : null;
  }, WAIT);
  return parseEnviron(await readFile(`/proc/${pid}/environ`, 'utf8')).REDIS_URL ?? '';
};

beforeAll(async () => {
  data = await dataDirectory();
  service = spawnService({ env: { DATA_DIR: data.path, LOG_LEVEL: 'warn', MAX_CONCURRENT_RUNS: '4' } });
  url = await service.address();
  socketPath = socketPathIn(await readFile(join(data.path, 'redis.conf'), 'utf8')) ?? '';
  admin = login('default', await readFile(join(data.path, 'redis.password'), 'utf8'));
  const wait = shell('i=0; until [ -e go ]; do i=$((i+1)); echo line $i; sleep 0.1; done');
  [own, other] = (await Promise.all([startRun(url, wait), startRun(url, wait)])) as [RunId, RunId];
  for (const id of [own, other]) await untilRun(url, id, ({ status, lines }) => status === 'RUNNING' && lines > 1);
  const { username, password } = parseRedisUrl(await redisUrlOf(own));
  credentials = { username: username ?? '', password: password ?? '' };
  executor = login(credentials.username, credentials.password);
}, 60_000);
afterAll(async () => {
  admin?.disconnect();
  executor?.disconnect();
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

type Call = readonly [name: string, ...args: (string | number)[]];

const sha = (read: () => string): string => createHash('sha1').update(read()).digest('hex');

/** Calls that need a key, for a key of somebody else. */
const onKey = (key: string): readonly Call[] => [
  ['HGETALL', key],
  ['HGET', key, 'command'],
  ['HSET', key, 'status', 'FAILED'],
  ['HINCRBY', key, 'term', 100],
  ['XRANGE', key, '-', '+'],
  ['XREVRANGE', key, '+', '-'],
  ['XADD', key, '*', 'd', 'x'],
  ['XDEL', key, '1-0'],
  ['PEXPIRE', key, 1],
  ['DEL', key],
  ['UNLINK', key],
  ['DUMP', key],
  ['RENAME', key, recordKey(own)],
  ['COPY', key, `${recordKey(own)}`],
  ['GET', key],
  ['SET', key, 'x'],
  ['EXISTS', key],
  ['TYPE', key],
  ['OBJECT', 'ENCODING', key],
  ['MEMORY', 'USAGE', key],
];

/** The scripts of the service, called with the keys of another run. */
const scriptCalls = (record: string, log: string): readonly Call[] => [
  ['EVALSHA', sha(CLAIM), 2, record, log, 'me', 0, 'STARTING,RUNNING', ''],
  ['EVALSHA', sha(APPEND), 2, record, log, 99, 'me', 1, 1, 'x', 0, 0, logChannel(own), 0, '*', '', '', 'run_updates'],
  ['EVALSHA', sha(COMPACT), 2, record, log, 1, 'me', 1, 1, 1, 'x', 0, 0],
];

const refusals = async (calls: readonly Call[], redis = executor): Promise<string[]> => {
  const notRefused: string[] = [];
  for (const [name, ...args] of calls) {
    const reply = await redis.call(name, ...args).then(
      (value) => `answered ${JSON.stringify(value)}`,
      (error: unknown) => String(error),
    );
    if (!/NOPERM|user executing the script can't|command not allowed/.test(reply)) {
      notRefused.push(`${[name, ...args].join(' ')}: ${reply}`);
    }
  }
  return notRefused;
};

const snapshot = async (runId: RunId): Promise<unknown> => {
  // What no line changes.
  return await admin.hmget(
    recordKey(runId),
    'id',
    'tenant',
    'status',
    'term',
    'writer',
    'command',
    'attempt',
    'closed',
  );
};

test('R3: an attempt reaches its own record and log', async () => {
  expect(await executor.hget(recordKey(own), 'id')).toBe(own);
  expect((await executor.xrange(logKey(own), '-', '+', 'COUNT', 1)).length).toBe(1);
});

test('R3: an attempt reaches no key of another run, of the queue, of the service, or of anybody else', async () => {
  const before = await snapshot(other);
  const queue = (await admin.keys('*')).filter((key) => !/^(run:|runloom:)/.test(key));
  expect(queue.length).toBeGreaterThan(0);
  const keys = [
    ...[recordKey, logKey, indexKey, leaseKey, seenKey].map((key) => key(other)),
    ...[leaseKey, seenKey].map((key) => key(own)),
    `${recordKey(own)}x`,
    `${logKey(own)}:more`,
    `run:{${own.toUpperCase()}}`,
    recordKey(newRunId()),
    ...['runloom:secrets-key', EXECUTOR_SCRIPTS, ACTIVE_RUNS, runsIndex('default'), 'somebody', ''],
    ...queue,
  ];
  for (const key of keys) expect(await refusals(onKey(key)), key).toEqual([]);
  expect(await refusals(scriptCalls(recordKey(other), logKey(other)))).toEqual([]);
  // One key of its own does not help.
  expect(await refusals(scriptCalls(recordKey(own), logKey(other)))).toEqual([]);
  expect(await refusals(scriptCalls(recordKey(other), logKey(own)))).toEqual([]);
  expect(await snapshot(other)).toEqual(before);
});

test('R3: an attempt cannot run scripts of its own, or scripts of the service that do more than an executor may', async () => {
  const loop = 'while true do end';
  await admin.script('LOAD', CREATE());
  for (const read of [DELETE, COPY, MEASURE, PAGE, SWAP]) await admin.script('LOAD', read());
  const packed = `${recordKey(own)}:packed:1`;
  const calls: readonly Call[] = [
    ['EVAL', loop, 0],
    ['EVAL', 'return 1', 0],
    ['EVAL_RO', 'return 1', 0],
    ['EVALSHA_RO', sha(PAGE), 0],
    ['EVAL', "return redis.call('HGETALL', KEYS[1])", 1, recordKey(own)],
    ['SCRIPT', 'LOAD', loop],
    ['SCRIPT', 'FLUSH'],
    ['SCRIPT', 'KILL'],
    ['SCRIPT', 'EXISTS', sha(APPEND)],
    ['FUNCTION', 'LOAD', "#!lua name=x\nredis.register_function('f', function() while true do end end)"],
    ['FUNCTION', 'FLUSH'],
    ['FUNCTION', 'LIST'],
    ['FCALL', 'f', 0],
    ['FCALL_RO', 'f', 0],
    // Copies somebody's log into its own, or its own into somebody's; removes its own run; swaps its log.
    ['EVALSHA', sha(COPY), 2, logKey(other), logKey(own), '-', '+', 1000, 60_000],
    ['EVALSHA', sha(COPY), 2, logKey(own), logKey(other), '-', '+', 1000, 60_000],
    ['EVALSHA', sha(DELETE), 3, recordKey(own), logKey(own), leaseKey(own)],
    ['EVALSHA', sha(SWAP), 3, recordKey(own), logKey(own), packed, 1, '1-0'],
    ['EVALSHA', sha(CREATE), 2, recordKey(newRunId()), logKey(newRunId()), 'x', 1, 'run_logs:x', 0, 'id', 'x'],
  ];
  expect(await refusals(calls)).toEqual([]);
  // An unknown script is unknown, and its text is not accepted instead.
  await expect(
    executor.call(
      'EVALSHA',
      sha(() => loop),
      0,
    ),
  ).rejects.toThrow('NOSCRIPT');
});

test('R3: an attempt cannot administer Redis, look at others, or stop it', async () => {
  const calls: readonly Call[] = [
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['KEYS', '*'],
    ['SCAN', 0],
    ['RANDOMKEY'],
    ['DBSIZE'],
    ['INFO'],
    ['MONITOR'],
    ['CONFIG', 'GET', '*'],
    ['CONFIG', 'SET', 'dir', '/tmp'],
    ['CONFIG', 'REWRITE'],
    ['DEBUG', 'SLEEP', 10],
    ['ACL', 'LIST'],
    ['ACL', 'WHOAMI'],
    ['ACL', 'SETUSER', 'me', 'on', 'nopass'],
    ['ACL', 'DELUSER', 'default'],
    ['CLIENT', 'LIST'],
    ['CLIENT', 'KILL', 'TYPE', 'normal'],
    ['CLIENT', 'PAUSE', 10_000],
    ['CLIENT', 'NO-EVICT', 'on'],
    ['CLIENT', 'SETNAME', 'runloom:x:commands'],
    ['CLIENT', 'TRACKING', 'on', 'BCAST'],
    ['SHUTDOWN', 'NOSAVE'],
    ['SAVE'],
    ['BGSAVE'],
    ['BGREWRITEAOF'],
    ['REPLICAOF', 'evil.example', 6379],
    ['MODULE', 'LOAD', '/tmp/x.so'],
    ['SELECT', 1],
    ['SWAPDB', 0, 1],
    ['MOVE', recordKey(own), 1],
    ['MIGRATE', '127.0.0.1', 1, recordKey(own), 0, 100],
    ['SLOWLOG', 'GET'],
    ['LATENCY', 'LATEST'],
    ['COMMAND', 'LIST'],
    ['PSYNC', '?', -1],
    ['SYNC'],
    ['WAIT', 1, 0],
    ['BLPOP', 'x', 0],
    ['XREAD', 'BLOCK', 0, 'STREAMS', logKey(own), '$'],
    ['SORT', recordKey(own)],
    ['MULTI'],
  ];
  expect(await refusals(calls)).toEqual([]);
});

test('R3: an attempt publishes and subscribes on no channel but its own two, so only the service announces changes', async () => {
  const channels = ['run_updates', logChannel(other), controlChannel(other), 'elsewhere', `${logChannel(own)}x`, ''];
  const calls = channels.flatMap((channel): readonly Call[] => [
    ['PUBLISH', channel, '{"kind":"cancel","force":true}'],
    ['SPUBLISH', channel, 'x'],
    ['SUBSCRIBE', channel],
    ['PSUBSCRIBE', `${channel}*`],
    ['SSUBSCRIBE', channel],
  ]);
  const patterns = ['*', 'run_logs:*', logChannel(own)].map((pattern): Call => ['PSUBSCRIBE', pattern]);
  const lists: readonly Call[] = [['PUBSUB', 'CHANNELS', '*']];
  expect(await refusals([...calls, ...patterns, ...lists])).toEqual([]);
  expect(await executor.publish(logChannel(own), '')).toBeGreaterThanOrEqual(0);
});

test('R3: nobody can log in as the user of another attempt, or guess it', async () => {
  const users = ((await admin.call('ACL', 'USERS')) as string[]).filter((name) => name.startsWith('runloom-executor:'));
  expect(users).toHaveLength(2);
  for (const name of users.filter((user) => user !== credentials.username)) {
    for (const password of [credentials.password, '']) {
      await expect(executor.call('AUTH', name, password)).rejects.toThrow('WRONGPASS');
    }
  }
  const stranger = new Redis({ path: socketPath, enableReadyCheck: false, retryStrategy: () => null });
  stranger.on('error', () => undefined);
  await expect(stranger.hgetall(recordKey(own))).rejects.toThrow(/NOAUTH|closed/);
  stranger.disconnect();
});

test('R3: both logs are whole after all of this and a crash of Redis, and the users are gone with their attempts', async () => {
  process.kill((await privateRedisPid(data.path)) ?? expect.fail('there is none'), 'SIGKILL');
  const before = await Promise.all([own, other].map((id) => untilRun(url, id, () => true)));
  for (const { id, lines } of before) await untilRun(url, id, (run) => run.lines > lines + 5);
  admin.disconnect();
  admin = login('default', await readFile(join(data.path, 'redis.password'), 'utf8'));
  await Promise.all([own, other].map((id) => cancelRun(url, id, { force: true })));
  for (const id of [own, other]) expect((await expectOneEnd(url, id)).run.status).toBe('CANCELLED');
  const left = async (): Promise<number> =>
    ((await admin.call('ACL', 'USERS')) as string[]).filter((name) => name.startsWith('runloom-executor')).length;
  await vi.waitUntil(async () => (await left()) === 0, WAIT);
  await expect(executor.hgetall(recordKey(own))).rejects.toThrow();
  await expect(login(credentials.username, credentials.password).time()).rejects.toThrow();
});
