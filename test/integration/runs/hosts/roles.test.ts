/** Two processes that only serve and two that only start runs, on the private Redis of one DATA_DIR. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { follow, startRun, wsClient } from '../../../support/clients/client.ts';
import { cancelRun, expectOneEnd, shell, show, untilEnd, untilRun } from '../../../support/runs/lifecycle.ts';
import { until } from '../../../support/runs/runs.ts';
import {
  type DataDirectory,
  dataDirectory,
  type StartedService,
  spawnService,
} from '../../../support/startedService.ts';

const STUCK_MS = 60_000;
let data: DataDirectory;
const services: StartedService[] = [];
const start = (role: 'api' | 'worker'): StartedService => {
  const service = spawnService({ env: { DATA_DIR: data.path, ROLE: role } });
  services.push(service);
  return service;
};
const healthOf = async (worker: StartedService): Promise<string> =>
  /^Health: (\S+)$/m.exec(
    await until(
      async () => worker.out(),
      (out) => out.includes('Health: '),
      STUCK_MS,
    ),
  )?.[1] ?? '';
const ready = async (url: string): Promise<unknown> => await (await fetch(url)).json();

beforeAll(async () => {
  data = await dataDirectory();
});
afterAll(async () => {
  for (const service of services) await service[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

test('H6, H7: an API starts no runs and says that no worker is alive; workers start them and serve health checks only', async () => {
  const first = await start('api').address();
  const id = await startRun(first, shell('echo done'));
  await until(
    () => ready(`${first}/health/ready`),
    (answer) => JSON.stringify(answer).includes('no worker is alive'),
    STUCK_MS,
  );
  expect((await show(first, id))?.status).toBe('PENDING');
  expect((await fetch(`${first}/health/ready`)).status).toBe(200);

  const workers = [start('worker'), start('worker')];
  const second = await start('api').address();
  const { events, completed } = await follow(wsClient(second), id);
  expect(completed).toBe(true);
  expect(events.filter(({ message }) => message === 'done')).toHaveLength(1);
  await until(
    () => ready(`${first}/health/ready`),
    (answer) => JSON.stringify(answer) === '{"status":"ready"}',
    STUCK_MS,
  );

  const health = await healthOf(workers[0] as StartedService);
  expect(await ready(health)).toEqual({ status: 'ready' });
  const root = health.replace('/health/ready', '');
  const graphql = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  };
  expect((await fetch(`${root}/graphql`, graphql)).status).toBe(404);
  for (const path of ['/', '/graphql?query={__typename}', `/runs/${id}/log.txt`]) {
    expect((await fetch(`${root}${path}`)).status, path).toBe(404);
  }
  const socket = new WebSocket(`${root.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  const refused = await new Promise<string>((resolve) => socket.once('error', (error) => resolve(error.message)));
  expect(refused).toContain('404');

  // Started through one, cancelled through the other.
  const long = await startRun(first, shell('sleep 300'));
  await untilRun(first, long, ({ status }) => status === 'RUNNING');
  await cancelRun(second, long);
  expect((await untilEnd(first, long)).status).toBe('CANCELLED');

  // A worker is killed: its run goes on, and the other one writes what is left to write.
  const kept = await startRun(second, shell('sleep 3; echo kept'));
  await untilRun(second, kept, ({ status }) => status === 'RUNNING');
  workers[0]?.child.kill('SIGKILL');
  expect((await expectOneEnd(first, kept)).run).toMatchObject({ status: 'COMPLETED', attempt: 1, lines: 1 });
}, 180_000);
