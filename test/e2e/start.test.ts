/** Start and stop of the real service, tested from outside. */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { isAlive } from '../../src/system/processes.ts';
import { startRedis } from '../support/redis/redis.ts';
import { ask, dataDirectory, privateRedisPid, spawnService } from '../support/startedService.ts';

const START_RUN = 'mutation($command: [String!]!) { startRun(input: { command: $command }) { run { id } } }';
const RUN = 'query($id: ID!) { run(id: $id) { status lastSeq exitCode } }';

const startRun = async (address: string, ...command: string[]): Promise<string> => {
  const { startRun: payload } = await ask(address, START_RUN, { command });
  return (payload as { run: { id: string } }).run.id;
};
const statusOf = async (address: string, id: string): Promise<string> => {
  const { run } = await ask(address, RUN, { id });
  return (run as { status: string }).status;
};
const untilStatus = async (address: string, id: string, status: string): Promise<void> => {
  await vi.waitUntil(async () => (await statusOf(address, id)) === status, { timeout: 20_000, interval: 100 });
};

test('starts with only a DATA_DIR, prints its endpoint, Redis and launcher, and exits with 0 on SIGTERM', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path } });
  const address = await service.address();
  expect(service.out()).toMatch(/^Redis: private redis-server, started/m);
  expect(service.out()).toMatch(/^Launcher: process; /m);
  expect(service.out()).toMatch(/^Endpoint: http:\/\/127\.0\.0\.1:\d+\/graphql .*ws:\/\/127\.0\.0\.1:\d+\/graphql/m);
  expect((await fetch(`${address}/health/live`)).status).toBe(200);
  expect((await fetch(`${address}/health/ready`)).status).toBe(200);
  expect(await ask(address, '{ __typename }')).toEqual({ __typename: 'Query' });
  const redis = await privateRedisPid(data.path);
  expect(redis).not.toBeNull();
  service.child.kill('SIGTERM');
  expect(await service.ended).toEqual({ code: 0, signal: null });
  expect(await privateRedisPid(data.path)).toBeNull();
  expect(service.err()).toBe('');
});

test('the output is JSON lines, except for the messages to the operator', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, LOG_LEVEL: 'debug' } });
  await service.address();
  service.child.kill('SIGINT');
  await service.ended;
  const lines = service.out().trimEnd().split('\n');
  const logged = lines.filter((line) => line.startsWith('{'));
  expect(logged.length).toBeGreaterThan(0);
  for (const line of logged) expect(JSON.parse(line)).toHaveProperty('msg');
  for (const line of lines.filter((one) => !one.startsWith('{'))) {
    expect(line).toMatch(/^(runloom |Role: |Redis: |Launcher: |Authentication: |Viewer: |GraphiQL: |Endpoint: |Stopp)/);
  }
});

test('reports all problems of the configuration at once, with their variables, and exits with 78', async () => {
  await using service = spawnService({
    env: { PORT: 'x', LAUNCHER: 'kubernetes', HOST: '0.0.0.0', MAX_LOG_BYTES: '-1' },
  });
  expect((await service.ended).code).toBe(78);
  for (const name of ['PORT', 'LAUNCHER', 'HOST', 'MAX_LOG_BYTES']) {
    expect(service.err()).toMatch(new RegExp(`^  ${name}: `, 'm'));
  }
  expect(service.err()).not.toMatch(/\n\s+at /);
});

test('a persisted document that is invalid for the schema stops the start, and a valid one is served', async () => {
  await using data = await dataDirectory();
  const file = join(data.path, 'documents.json');
  const env = { DATA_DIR: data.path, PERSISTED_DOCUMENTS: file, GRAPHIQL: 'off', INTROSPECTION: 'off' };
  await writeFile(file, JSON.stringify({ a: '{ nothing }' }));
  await using refused = spawnService({ env });
  expect((await refused.ended).code).toBe(78);
  expect(refused.err()).toContain('PERSISTED_DOCUMENTS has a document that does not fit the schema. a: Cannot query');
  await writeFile(file, JSON.stringify({ a: '{ __typename }' }));
  await using served = spawnService({ env });
  const address = await served.address();
  expect(served.out()).not.toContain('GraphiQL');
  expect(await (await fetch(`${address}/graphql?documentId=a`)).json()).toEqual({ data: { __typename: 'Query' } });
});

test('a port in use gives one line on standard error and exit code 69', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, PORT: String(port) } });
  expect((await service.ended).code).toBe(69);
  expect(service.err()).toBe(
    `Port ${port} on 127.0.0.1 is in use. Stop the program that listens there, or set PORT.\n`,
  );
  expect(await privateRedisPid(data.path)).toBeNull();
  other.close();
});

test('LAUNCHER=container without an engine reports what it tried, and leaves no Redis running', async () => {
  await using data = await dataDirectory();
  const env = { DATA_DIR: data.path, LAUNCHER: 'container', CONTAINER_SOCKET: '/nonexistent/engine.sock' };
  await using service = spawnService({ env });
  expect((await service.ended).code).toBe(69);
  expect(service.err()).toBe(
    'LAUNCHER=container, but no container engine answers (tried /nonexistent/engine.sock). Start an engine, or set CONTAINER_SOCKET to the path of its API socket.\n',
  );
  expect(await privateRedisPid(data.path)).toBeNull();
});

test('without an engine it runs local processes on loopback and says so, and refuses to start on another HOST', async () => {
  await using data = await dataDirectory();
  const env = { DATA_DIR: data.path, LAUNCHER: 'auto', CONTAINER_SOCKET: '/nonexistent/engine.sock' };
  await using local = spawnService({ env });
  await local.address();
  expect(local.out()).toMatch(/^Launcher: process; no container engine answers .*development only/m);
  await using open = spawnService({ env: { ...env, HOST: '0.0.0.0', ALLOW_NO_AUTH: '1' } });
  expect((await open.ended).code).toBe(69);
  expect(open.out()).toMatch(/^WARNING: HOST 0\.0\.0\.0 is not loopback/m);
  expect(open.err()).toMatch(
    /^HOST 0\.0\.0\.0 is not loopback, and no container engine answers .* set LAUNCHER=process/,
  );
});

test('the Redis of REDIS_URL is used, and is not stopped with the service', async () => {
  await using redis = await startRedis();
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path, REDIS_URL: redis.url } });
  const address = await service.address();
  expect(service.out()).toMatch(/^Redis: unix:\/\/\/\S+, version \d+\.\d+\.\d+ \(REDIS_URL\)$/m);
  const id = await startRun(address, 'true');
  await untilStatus(address, id, 'COMPLETED');
  service.child.kill('SIGTERM');
  expect((await service.ended).code).toBe(0);
  expect(await privateRedisPid(data.path)).toBeNull();
  expect(isAlive(redis.pid)).toBe(true);
});

test('closes WebSockets with 1001 when it stops', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path } });
  const address = await service.address();
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await new Promise((resolve) => socket.once('open', resolve));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  service.child.kill('SIGTERM');
  expect(await closed).toBe(1001);
  expect((await service.ended).code).toBe(0);
});

test('a second signal within a second counts as the first one, since npm repeats a Ctrl-C', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({ env: { DATA_DIR: data.path } });
  await service.address();
  service.child.kill('SIGINT');
  service.child.kill('SIGINT');
  expect((await service.ended).code).toBe(0);
});

test('if Redis hangs, it still exits with 0 in time, and at once on a second signal', async () => {
  for (const again of [false, true]) {
    await using data = await dataDirectory();
    await using service = spawnService({ env: { DATA_DIR: data.path } });
    await service.address();
    const redis = (await privateRedisPid(data.path)) ?? 0;
    process.kill(redis, 'SIGSTOP');
    const since = performance.now();
    service.child.kill('SIGTERM');
    if (again) {
      // An earlier signal would count as a repeat of the first.
      await delay(1100);
      service.child.kill('SIGTERM');
    }
    expect((await service.ended).code).toBe(again ? 143 : 0);
    // Ten seconds are promised. Ten more are for a machine that is busy with other tests.
    expect(performance.now() - since).toBeLessThan(20_000);
  }
});

test('after a kill during a run, the next service finds Redis and the run', async () => {
  await using data = await dataDirectory();
  await using first = spawnService({ env: { DATA_DIR: data.path } });
  const address = await first.address();
  const id = await startRun(address, 'sh', '-c', 'echo begun; sleep 6; echo done');
  await untilStatus(address, id, 'RUNNING');
  const redis = await privateRedisPid(data.path);
  first.child.kill('SIGKILL');
  await first.ended;
  expect(redis === null ? false : isAlive(redis)).toBe(true);
  await using second = spawnService({ env: { DATA_DIR: data.path } });
  const again = await second.address();
  expect(second.out()).toMatch(new RegExp(`^Redis: private redis-server, found running \\(pid ${redis}\\)`, 'm'));
  await untilStatus(again, id, 'COMPLETED');
  second.child.kill('SIGTERM');
  expect((await second.ended).code).toBe(0);
  expect(await privateRedisPid(data.path)).toBeNull();
});

test('a stop during a run leaves the run and Redis running, and the next service finds them', async () => {
  await using data = await dataDirectory();
  await using first = spawnService({ env: { DATA_DIR: data.path } });
  const address = await first.address();
  const id = await startRun(address, 'sh', '-c', 'sleep 5; echo done');
  await untilStatus(address, id, 'RUNNING');
  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
  expect(await privateRedisPid(data.path)).not.toBeNull();
  await using second = spawnService({ env: { DATA_DIR: data.path } });
  const again = await second.address();
  await untilStatus(again, id, 'COMPLETED');
  second.child.kill('SIGTERM');
  await second.ended;
  expect(await privateRedisPid(data.path)).toBeNull();
});

test('two services with the same DATA_DIR share its Redis, and the last one stops it', async () => {
  await using data = await dataDirectory();
  await using one = spawnService({ env: { DATA_DIR: data.path } });
  await using two = spawnService({ env: { DATA_DIR: data.path } });
  const [address] = await Promise.all([one.address(), two.address()]);
  const pid = await privateRedisPid(data.path);
  one.child.kill('SIGTERM');
  expect((await one.ended).code).toBe(0);
  expect(await privateRedisPid(data.path)).toBe(pid);
  expect(address).not.toBe(await two.address());
  two.child.kill('SIGTERM');
  expect((await two.ended).code).toBe(0);
  expect(await privateRedisPid(data.path)).toBeNull();
});

test('npm start replaces the shell by node, so that a SIGTERM to npm leaves no orphan', async () => {
  await using data = await dataDirectory();
  await using service = spawnService({
    command: ['npm', 'start', '--silent'],
    env: { DATA_DIR: data.path, HOME: data.path, npm_config_update_notifier: 'false' },
  });
  await service.address();
  const children = execFileSync('ps', ['-o', 'args=', '--ppid', String(service.child.pid)], { encoding: 'utf8' });
  // The only child is node itself, with the flags of the start script.
  expect(children.trim()).toMatch(/^node (--\S+ )*src\/main\.ts$/);
  service.child.kill('SIGTERM');
  await service.ended;
  await vi.waitUntil(async () => (await privateRedisPid(data.path)) === null, { timeout: 10_000 });
});
