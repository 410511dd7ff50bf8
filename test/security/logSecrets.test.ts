/** No line of the log, at any level, has arguments of commands, tokens, secret values or input. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import Docker from 'dockerode';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { safeErrorText } from '../../src/domain/text/safeError.ts';
import { createLogger, hideFromLog } from '../../src/logger.ts';
import { request, startRun } from '../support/clients/client.ts';
import { startRedis, type TestRedis } from '../support/redis/redis.ts';
import { dataDirectory, spawnService } from '../support/startedService.ts';

const SECRET = 'hunter2-very-secret';
let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const rejection = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.fail('it went through'),
    (error: unknown) => error as Error,
  );
const written = (error: unknown, fields: object = {}): string => {
  const lines: string[] = [];
  const logger = createLogger('trace', { write: (line) => void lines.push(line) });
  logger.error({ err: error, ...fields }, 'failed');
  logger.fatal(error, 'failed');
  return `${lines.join('')}\n${safeErrorText(error)}`;
};

/** Real errors, each with the secret somewhere in it. */
const ERRORS: readonly (readonly [string, () => Promise<Error>])[] = [
  [
    'an error of Redis, with the arguments of its command',
    async () => {
      const redis = await server.connect();
      await redis.set('text', 'x');
      return rejection(redis.hset('text', 'field', SECRET));
    },
  ],
  [
    'an unknown command, which Redis repeats in its error',
    async () => rejection((await server.connect()).call('NOSUCH', SECRET, 'more')),
  ],
  [
    'an error inside a script',
    async () => {
      const redis = await server.connect();
      await redis.set('text', 'x');
      return rejection(redis.eval("return redis.call('HGET', KEYS[1], ARGV[1])", 1, 'text', SECRET));
    },
  ],
  [
    'a refused transaction',
    async () => {
      const redis = await server.connect();
      const answers = await redis.multi().set('text', 'x').hset('text', 'a', SECRET).exec();
      return answers?.[1]?.[0] ?? expect.fail('it went through');
    },
  ],
  [
    'exhausted retries, for a URL with a password',
    async () => {
      const redis = new Redis(`redis://user:${SECRET}@127.0.0.1:1/0`, {
        maxRetriesPerRequest: 0,
        retryStrategy: () => 5,
      });
      redis.on('error', () => undefined);
      const error = await rejection(redis.set('key', SECRET));
      redis.disconnect();
      return new Error(`redis://user:${SECRET}@127.0.0.1:1/0 does not answer`, { cause: error });
    },
  ],
  [
    'a program that could not be started, with its arguments and environment',
    async () => {
      const child = spawn('/no/such/program', [SECRET], { env: { TOKEN: SECRET } });
      const [error] = (await once(child, 'error')) as [Error];
      return Object.assign(error, { env: { TOKEN: SECRET } });
    },
  ],
  [
    'an answer of the engine that repeats the request',
    async () => {
      const error = new Error(
        `(HTTP code 400) bad parameter - invalid env ["RUN_KEY=${SECRET}","REDIS_URL=unix://a:${SECRET}@/x"]`,
      );
      return Object.assign(error, { statusCode: 400, json: { Env: [`RUN_KEY=${SECRET}`] }, request: { body: SECRET } });
    },
  ],
  [
    'a string that is not valid JSON',
    async () => {
      try {
        JSON.parse(`${SECRET} {`);
      } catch (error) {
        return error as Error;
      }
      return expect.fail('it is JSON');
    },
  ],
  [
    'several errors at once, each with a cause',
    async () => {
      const redis = await server.connect();
      const cause = await rejection(redis.call('NOSUCH', SECRET));
      return new AggregateError([new Error('one', { cause }), cause], 'several', { cause });
    },
  ],
  ['a token in a message', async () => new Error(`refused: authorization: Bearer ${SECRET}`)],
];

test.each(ERRORS)('%s is logged without secrets', async (_what, make) => {
  const error = await make();
  const text = written(error);
  expect(text).not.toContain(SECRET);
  expect(text).not.toMatch(/"(args|command|env|spawnargs|json|request)"/);
  expect(text).toContain('"type"');
});

test('an error of dockerode adds no member with a secret to the log', async () => {
  const engine = new Docker({ socketPath: `${server.directory}/redis.sock` });
  const error = await rejection(engine.createContainer({ Image: 'x', Env: [`RUN_KEY=${SECRET}`] }));
  expect(written(error)).not.toContain(SECRET);
});

test('a known secret is in no line, whatever the caller logs, also as encoded in JSON and URLs', () => {
  const secret = `p"a/ss${randomBytes(8).toString('hex')}`;
  hideFromLog(secret);
  const text = written(new Error(secret), {
    some: { field: secret, url: `redis://x:${encodeURIComponent(secret)}@y` },
  });
  expect(text.split('\n{').at(0)).not.toContain(JSON.stringify(secret).slice(1, -1));
  expect(text.split('\n').filter((line) => line.startsWith('{') && line.includes(encodeURIComponent(secret)))).toEqual(
    [],
  );
});

test('a crash at the start gives the cause, and not the key that was to be written', async () => {
  const admin = await server.connect();
  await admin.call('ACL', 'SETUSER', 'svc', 'on', `>${SECRET}`, '~*', '&*', '+@all', '-set');
  await using data = await dataDirectory();
  const url = `unix://svc:${SECRET}@${server.socketPath}`;
  await using service = spawnService({ env: { REDIS_URL: url, DATA_DIR: data.path, LOG_LEVEL: 'trace' } });
  expect((await service.ended).code).toBe(70);
  const told = service.out() + service.err();
  expect(told).toMatch(/NOPERM/);
  expect(told).not.toContain(SECRET);
  expect(told).not.toMatch(/args|[A-Za-z0-9+/]{43}=/);
});

test('a service that handles secrets, with a Redis that fails, logs no secret at any level', async () => {
  await using own = await startRedis();
  const admin = await own.connect();
  await admin.config('SET', 'requirepass', SECRET);
  await using data = await dataDirectory();
  const url = `unix://default:${SECRET}@${own.socketPath}`;
  await using service = spawnService({ env: { REDIS_URL: url, DATA_DIR: data.path, LOG_LEVEL: 'trace' } });
  const address = await service.address();
  const env = [{ name: 'TOKEN', value: `token-${SECRET}`, secret: true }];
  const input = { command: ['true'], env, input: { card: `card-${SECRET}` } };
  await startRun(address, input);
  await admin.config('SET', 'maxmemory', '1');
  const refused = await request(
    address,
    'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }',
    {
      input,
    },
  );
  expect(refused.errors?.[0]?.extensions?.code).toBe('UNAVAILABLE');
  expect(service.out()).toContain('OOM command not allowed');
  await admin.config('SET', 'maxmemory', '0');
  const masterKey = await admin.get('runloom:secrets-key');
  service.child.kill('SIGTERM');
  await service.ended;
  const told = service.out() + service.err();
  expect(told).not.toContain(SECRET);
  expect(told).not.toContain(masterKey ?? expect.fail('there is none'));
});
