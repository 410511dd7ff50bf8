/** Where a secret of a run is not: Redis' data and files, the queue, the API, the service's log, other users' reach. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { socketPathIn } from '../../src/redis/private/privateFiles.ts';
import { findByEnvironment } from '../../src/system/processIdentity.ts';
import { request, startRun } from '../support/clients/client.ts';
import { cancelRun, loggedEvents, shell, untilEnd, untilRun } from '../support/runs/lifecycle.ts';
import {
  type DataDirectory,
  dataDirectory,
  privateRedisPid,
  type StartedService,
  spawnService,
} from '../support/startedService.ts';

const SECRET = `canary-${randomBytes(12).toString('hex')}`;
const FORMS = [SECRET, ...(['base64', 'base64url', 'hex'] as const).map((form) => Buffer.from(SECRET).toString(form))];
const env = [{ name: 'TOKEN', value: SECRET, secret: true }];
const has = (bytes: Buffer | string): boolean => FORMS.some((form) => bytes.includes(form));

let data: DataDirectory;
let service: StartedService;
let url: string;
let redis: Redis;
let socketPath: string;
let id: string;
let executor: number;
beforeAll(async () => {
  data = await dataDirectory();
  // As an operator makes it.
  await chmod(data.path, 0o755);
  service = spawnService({ env: { DATA_DIR: data.path, LOG_LEVEL: 'trace' } });
  url = await service.address();
  socketPath = socketPathIn(await readFile(join(data.path, 'redis.conf'), 'utf8')) ?? '';
  const password = await readFile(join(data.path, 'redis.password'), 'utf8');
  redis = new Redis({ path: socketPath, username: 'default', password });
  const wait = 'echo "$TOKEN"; until [ -e go ]; do sleep 0.05; done';
  id = await startRun(url, shell(wait, { env, input: { note: 'nothing' }, retry: { maxAttempts: 2 } }));
  const failing = await startRun(url, { command: ['/no/such/program', 'x'], env });
  await untilEnd(url, failing);
  await untilRun(url, id, ({ status, lines }) => status === 'RUNNING' && lines > 0);
  [executor = 0] = await findByEnvironment({ RUN_ID: id }, ['RUN_KEY']);
}, 60_000);
afterAll(async () => {
  redis?.disconnect();
  await service?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

/** Each file below a directory. */
const filesBelow = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

test('a secret is in no value of Redis, no job of the queue, and no byte of its files', async () => {
  const keys = await redis.keys('*');
  expect(keys.length).toBeGreaterThan(5);
  for (const key of keys) expect(has((await redis.dumpBuffer(key)) ?? ''), key).toBe(false);
  await redis.bgrewriteaof();
  const files = await filesBelow(data.path);
  expect(files.some((file) => file.endsWith('.aof'))).toBe(true);
  for (const file of files) expect(has(await readFile(file).catch(() => '')), file).toBe(false);
});

test('a secret is in no answer of the API, in no error, and in no download', async () => {
  // Every field of Run that needs no selection and no argument, so a new one is looked at too.
  const type = '{ __type(name: "Run") { fields { name type { kind ofType { kind } } } } }';
  const { data: schema } = (await request(url, type)) as {
    data: {
      __type: { fields: readonly { name: string; type: { kind: string; ofType: { kind: string } | null } }[] };
    };
  };
  const leaves = schema.__type.fields.filter(({ type: { kind, ofType } }) =>
    ['SCALAR', 'ENUM'].includes(ofType?.kind ?? kind),
  );
  const fields = leaves.map(({ name }) => name);
  const answer = await request(url, `query ($id: ID!) { run(id: $id) { ${fields.join(' ')} } }`, { id });
  expect(answer.data?.run).toMatchObject({ id });
  expect(has(JSON.stringify(answer))).toBe(false);
  expect(has(JSON.stringify(await loggedEvents(url, id)))).toBe(false);
  const twice = { command: ['true'], env: [...env, ...env] };
  const start = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
  const refused = await request(url, start, { input: twice });
  expect(refused.errors?.length).toBeGreaterThan(0);
  expect(has(JSON.stringify(refused))).toBe(false);
});

test("a secret is in no line of the service's log at level trace, and the executor prints none", async () => {
  expect(service.out()).toContain('"level":');
  expect(has(service.out() + service.err())).toBe(false);
  const logs = (await filesBelow(join(data.path, 'processes'))).filter((file) => file.endsWith('executor.log'));
  expect(logs.length).toBeGreaterThan(0);
  for (const file of logs) expect(has(await readFile(file))).toBe(false);
});

test("a secret is in no argument and no environment but the command's; the executor's is closed to other users", async () => {
  for (const pid of [service.child.pid ?? 0, executor, (await privateRedisPid(data.path)) ?? 0]) {
    expect(has(await readFile(`/proc/${pid}/environ`, 'utf8')), `environment of ${pid}`).toBe(false);
    expect(has(await readFile(`/proc/${pid}/cmdline`, 'utf8')), `arguments of ${pid}`).toBe(false);
    if (process.getuid?.() !== 0) continue;
    const other = spawnSync('cat', [`/proc/${pid}/environ`], { uid: 65_534, gid: 65_534, encoding: 'utf8' });
    expect(other.stdout).toBe('');
    expect(other.status).not.toBe(0);
  }
});

test('the service, its Redis, executors and commands make no core dumps', async () => {
  const commands = (await findByEnvironment({ RUN_ID: id })).filter((pid) => pid !== executor);
  expect(commands.length).toBeGreaterThan(0);
  for (const pid of [service.child.pid ?? 0, (await privateRedisPid(data.path)) ?? 0, executor, ...commands]) {
    const limits = await readFile(`/proc/${pid}/limits`, 'utf8').catch(() => null);
    // A child of the shell can have ended meanwhile.
    if (limits !== null) expect(limits, `limits of ${pid}`).toMatch(/^Max core file size +0 +0 /m);
  }
});

test('DATA_DIR, all that is in it, and the socket of Redis are closed to other users', async () => {
  const closed = async (path: string): Promise<boolean> => ((await stat(path)).mode & 0o007) === 0;
  expect((await stat(data.path)).mode & 0o777).toBe(0o700);
  expect(await closed(dirname(socketPath))).toBe(true);
  expect(await closed(socketPath)).toBe(true);
  const own = ['redis.conf', 'redis.acl', 'redis.password', 'redis.log', 'redis.pid', 'appendonlydir', 'processes'];
  for (const name of own) expect(await closed(join(data.path, name)), name).toBe(true);
  for (const name of await readdir(join(data.path, 'appendonlydir'))) {
    expect(await closed(join(data.path, 'appendonlydir', name)), name).toBe(true);
  }
  if (process.getuid?.() !== 0) return;
  const ls = spawnSync('ls', [data.path], { uid: 65_534, gid: 65_534 });
  expect(ls.status).not.toBe(0);
});

test('after the end the secret is still encrypted, and gone with the run', async () => {
  await cancelRun(url, id, { force: true });
  await untilEnd(url, id);
  for (const key of await redis.keys(`run:{${id}}*`)) expect(has((await redis.dumpBuffer(key)) ?? ''), key).toBe(false);
  await vi.waitFor(async () => expect(await findByEnvironment({ RUN_ID: id })).toEqual([]), { timeout: 20_000 });
  expect(await filesBelow(join(data.path, 'processes'))).not.toContain(expect.stringContaining(id));
});
