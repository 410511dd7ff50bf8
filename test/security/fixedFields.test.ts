/** An executor that was taken over writes into its own run's keys. Others notice nothing, and its own run still ends. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunId } from '../../src/domain/ids.ts';
import { socketPathIn } from '../../src/redis/private/privateFiles.ts';
import { parseEnviron } from '../../src/system/processes.ts';
import { findByEnvironment } from '../../src/system/processIdentity.ts';
import { fixedKey, indexKey, logKey, recordKey } from '../../src/wire/keys.ts';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { JWT_SETTINGS, providerToken } from '../support/identity.ts';
import { until } from '../support/runs/runs.ts';
import { type DataDirectory, dataDirectory, type StartedService, spawnService } from '../support/startedService.ts';

const WAIT = { timeout: 30_000, interval: 50 };
const RETENTION_MS = 3_600_000;
let data: DataDirectory;
let service: StartedService;
let url: string;
let admin: Redis;
let socketPath: string;
/** Tokens of admins of two tenants. */
let acme: string;
let other: string;

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly data?: any;
  readonly errors?: readonly { readonly message: string }[];
}

const ask = async (token: string, query: string, variables: object = {}): Promise<Answer> => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables });
  return (await (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).json()) as Answer;
};

const login = (username: string, password: string): Redis => {
  const options = { path: socketPath, username, password, enableReadyCheck: false, disableClientInfo: true };
  const redis = new Redis({ ...options, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  return redis;
};

interface TakenOver extends Disposable {
  readonly id: RunId;
  /** With the credentials of its executor. */
  readonly attacker: Redis;
  /** Kills the executor. */
  die(): void;
}

const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const INPUT = {
  name: 'honest',
  command: ['sh', '-c', 'echo one; exec sleep 600'],
  labels: [{ name: 'team', value: 'a' }],
  input: { big: 12345678901234567890n.toString() },
};

/** A run of the tenant acme, whose executor obeys the test. */
const takeOver = async (more: object = {}): Promise<TakenOver> => {
  const { data: started, errors } = await ask(acme, START, { input: { ...INPUT, ...more } });
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  const id = started.startRun.run.id as RunId;
  await until(
    async () => (await ask(acme, 'query ($id: ID!) { run(id: $id) { status lines } }', { id })).data.run,
    ({ status, lines }) => status === 'RUNNING' && lines > 0,
    30_000,
  );
  const [pid] = await vi.waitUntil(async () => {
    const found = await findByEnvironment({ RUN_ID: id }, ['RUN_KEY']);
    return found.length > 0 ? found : null;
  }, WAIT);
  const variables = parseEnviron(await readFile(`/proc/${pid}/environ`, 'utf8'));
  const { username, password } = parseRedisUrl(variables.REDIS_URL ?? '');
  const attacker = login(username ?? '', password ?? '');
  // It does nothing that the test does not do.
  process.kill(Number(pid), 'SIGSTOP');
  return {
    id,
    attacker,
    die: () => void process.kill(Number(pid), 'SIGKILL'),
    [Symbol.dispose]: () => attacker.disconnect(),
  };
};

beforeAll(async () => {
  data = await dataDirectory();
  const limits = { MAX_CONCURRENT_RUNS: '16', RETENTION_HOURS: '1', STARTS_PER_MINUTE: '0' };
  service = spawnService({
    env: { DATA_DIR: data.path, LOG_LEVEL: 'warn', AUTH: 'jwt', ...JWT_SETTINGS, ...limits },
  });
  url = await service.address();
  socketPath = socketPathIn(await readFile(join(data.path, 'redis.conf'), 'utf8')) ?? '';
  admin = login('default', await readFile(join(data.path, 'redis.password'), 'utf8'));
  [acme, other] = (await Promise.all(['acme', 'other'].map((tenant) => providerToken({ tenant })))) as [string, string];
}, 60_000);
afterAll(async () => {
  admin?.disconnect();
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

const DECIDED =
  'name image command input labels { name value } maxAttempts timeoutSeconds createdBy createdAt resources { cpus memoryMb }';
const WRITTEN =
  'status attempt exitCode startedAt finishedAt durationMs digest lines bytes dropped lastSeq cancelRequestedAt output progress { current label } failure { reason message signal } retryOf { id }';
const LIST = `{ runs(first: 50) { edges { node { id ${DECIDED} ${WRITTEN} } } } }`;
const ONE = `query ($id: ID!) { run(id: $id) { id ${DECIDED} ${WRITTEN} } node(id: $id) { id } }`;
const decidedOf = (run: Record<string, unknown>): unknown => {
  const { name, image, command, input, labels, maxAttempts, timeoutSeconds, createdBy, createdAt, resources } = run;
  return { name, image, command, input, labels, maxAttempts, timeoutSeconds, createdBy, createdAt, resources };
};

const HOSTILE = [
  'other',
  'NaN',
  '1e308',
  '-1',
  '1.5',
  '99999999999999999999',
  'null',
  '[]',
  '[[]]',
  '{"__proto__":1}',
  '__proto__',
  '"x"',
  '',
  '\u0000',
  'x'.repeat(200_000),
];

test('R6: an executor cannot write what the service decided about its run: other tenants never see it, whatever it writes', async () => {
  using run = await takeOver();
  await using honest = await AsyncDisposableRun(await takeOver());
  const before = await ask(acme, ONE, { id: run.id });
  expect(before.errors).toBeUndefined();
  for (const name of ['tenant', 'command', 'retentionMs']) {
    await expect(run.attacker.hset(fixedKey(run.id), name, 'other')).rejects.toThrow('NOPERM');
  }
  for (const call of [['DEL'], ['PEXPIRE', 1], ['HDEL', 'tenant'], ['RENAME', recordKey(run.id)]] as const) {
    const [command, ...args] = call;
    await expect(run.attacker.call(command, fixedKey(run.id), ...args)).rejects.toThrow('NOPERM');
  }
  const valid = await admin.hgetall(recordKey(run.id));
  const names = [...Object.keys(valid), 'cancelReason', 'progress', 'output', 'holes', 'headSeq', 'dropTo'];
  for (const value of HOSTILE) {
    const shown = `every field is ${JSON.stringify(value.slice(0, 30))}`;
    // Its status stays valid half of the time, so that the run can be read at all.
    for (const kept of [['status', 'lastSeq'], []]) {
      const written = names.filter((name) => !kept.includes(name)).flatMap((name) => [name, value]);
      await run.attacker.hset(recordKey(run.id), ...written, '__proto__', value);
      const [own, others] = await Promise.all([ask(acme, LIST), ask(other, LIST)]);
      expect(own.errors, shown).toBeUndefined();
      expect(
        own.data.runs.edges.map(({ node }: { node: { id: string } }) => node.id),
        shown,
      ).toContain(honest.id);
      expect(others, shown).toEqual({ data: { runs: { edges: [] } } });
      expect((await ask(other, ONE, { id: run.id })).data, shown).toEqual({ run: null, node: null });
      const download = await fetch(`${url}/runs/${run.id}/log.txt`, { headers: { authorization: `Bearer ${other}` } });
      expect(download.status, shown).toBe(404);
      const one = await ask(acme, ONE, { id: run.id });
      expect(one.errors, shown).toBeUndefined();
      if (one.data.run !== null) expect(decidedOf(one.data.run), shown).toEqual(decidedOf(before.data.run));
      await admin.hset(recordKey(run.id), valid);
    }
  }
  run.die();
  await ended(run.id);
});

const AsyncDisposableRun = async (run: TakenOver): Promise<{ readonly id: RunId } & AsyncDisposable> => ({
  id: run.id,
  [Symbol.asyncDispose]: async () => {
    run.die();
    await ended(run.id);
    run[Symbol.dispose]();
  },
});

/** Waits for the end. Everything that it leaves has a TTL within the retention then. */
const ended = async (id: RunId): Promise<void> => {
  const keys = [recordKey, logKey, indexKey, fixedKey].map((key) => key(id));
  await until(
    async () => (await ask(acme, 'query ($id: ID!) { run(id: $id) { status failure { reason } } }', { id })).data.run,
    (run) => ['FAILED', 'CANCELLED', 'COMPLETED'].includes(run?.status),
    40_000,
  );
  await until(
    async () => await Promise.all(keys.map((key) => admin.pttl(key))),
    (left) => left.every((ms) => ms === -2 || (ms > 0 && ms <= RETENTION_MS)),
    40_000,
  );
};

/** What an executor can leave when it dies. `r`: its record. */
const LEFT: Readonly<Record<string, (redis: Redis, id: RunId) => Promise<unknown>>> = {
  'a status without its end': (redis, id) => redis.hset(recordKey(id), 'status', 'COMPLETED'),
  'a mark that its log is closed': (redis, id) => redis.hset(recordKey(id), 'closed', '1'),
  'a status that does not exist': (redis, id) => redis.hset(recordKey(id), 'status', '__proto__'),
  'the status PENDING, to be started again and again': (redis, id) => redis.hset(recordKey(id), 'status', 'PENDING'),
  'the number of a later attempt': (redis, id) => redis.hset(recordKey(id), 'attempt', '100'),
  'numbers that are none': (redis, id) =>
    redis.hset(recordKey(id), {
      term: 'x',
      lines: 'NaN',
      bytes: '1e308',
      version: '{}',
      maxLogBytes: '',
      tailBytes: 'x',
    }),
  'a seq that nothing can follow': (redis, id) => redis.hset(recordKey(id), 'lastSeq', '4294967295'),
  'an entry that nothing can follow': (redis, id) =>
    redis.xadd(logKey(id), '18446744073709551615-18446744073709551615', 'd', 'x'),
  'an entry that is not a batch': (redis, id) => redis.xadd(logKey(id), '500-0', 'd', 'Z'),
  'no log': (redis, id) => redis.pexpire(logKey(id), 0),
  'a log that is not a stream': async (redis, id) => {
    await redis.pexpire(logKey(id), 0);
    await redis.hset(logKey(id), 'x', 'y');
  },
  'an index that is not a hash': async (redis, id) => {
    await redis.pexpire(indexKey(id), 0);
    await redis.xadd(indexKey(id), '*', 'x', 'y');
  },
  'keys that live for a thousand years': (redis, id) => redis.pexpire(logKey(id), 31_536_000_000_000),
};

test('R7: whatever an executor leaves in its record, its run ends, and all that is left has a TTL', async () => {
  const runs = await Promise.all(
    Object.entries(LEFT).map(async ([what, leave]) => {
      const run = await takeOver({ retry: { maxAttempts: 1 } });
      await leave(run.attacker, run.id);
      run.die();
      return { what, run };
    }),
  );
  for (const { what, run } of runs) {
    using one = run;
    await ended(one.id).catch((error: unknown) => {
      throw new Error(`An executor left ${what}: ${String(error)}`);
    });
    expect(
      (await ask(acme, 'mutation ($id: ID!) { deleteRun(input: { runId: $id }) { deletedRunId } }', { id: one.id }))
        .errors,
      what,
    ).toBeUndefined();
    expect(await admin.keys(`run:{${one.id}}*`), what).toEqual([]);
  }
}, 120_000);
