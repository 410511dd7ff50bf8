import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { recordKey, UPDATES_CHANNEL } from '../../../src/wire/keys.ts';
import { openHttp, post, RawSocket, type TestApi } from '../../support/clients/http.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const start = async (labels: Record<string, string> = {}): Promise<RunId> => {
  const input = { command: ['true'], labels: Object.entries(labels).map(([name, value]) => ({ name, value })) };
  const { data } = await post(api.url, 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }', {
    input,
  });
  return data.startRun.run.id;
};
/** Changes the record and publishes the update, as the scripts do. */
const change = async (id: RunId, status: string): Promise<void> => {
  const before = await api.redis.hget(recordKey(id), 'status');
  const version = await api.redis.hincrby(recordKey(id), 'version', 1);
  await api.redis.hset(recordKey(id), 'status', status);
  await api.redis.publish(UPDATES_CHANNEL, JSON.stringify({ runId: id, kind: 'UPDATED', before, version }));
};
const payloads = (socket: RawSocket, id: string, field: string) =>
  socket.messages
    .filter((message) => message.id === id && message.type === 'next')
    .map(({ payload }) => (payload as { data: Record<string, Record<string, unknown>> }).data[field]);

test('S10: runUpdated delivers the run now, then at each change, and completes when it is terminal', async () => {
  const id = await start();
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', 'subscription ($id: ID!) { runUpdated(runId: $id) { id status } }', { id });
  for (const status of ['STARTING', 'RUNNING', 'COMPLETED']) {
    await socket.until((message) => message.id === '1');
    await change(id, status);
    await socket.until(() => payloads(socket, '1', 'runUpdated').at(-1)?.status === status);
  }
  await socket.until((message) => message.id === '1' && message.type === 'complete');
  expect(payloads(socket, '1', 'runUpdated').map((run) => run?.status)).toEqual([
    'PENDING',
    'STARTING',
    'RUNNING',
    'COMPLETED',
  ]);
});

test('runUpdated of a run that has ended delivers it once', async () => {
  const id = await start();
  await change(id, 'FAILED');
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', 'subscription ($id: ID!) { runUpdated(runId: $id) { status } }', { id });
  await socket.until((message) => message.type === 'complete');
  expect(payloads(socket, '1', 'runUpdated')).toEqual([{ status: 'FAILED' }]);
});

test('runsUpdated delivers SYNCED first, then matching runs that are created, change, stop matching and are removed', async () => {
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe(
    '1',
    `subscription { runsUpdated(filter: { status: [PENDING, STARTING], labels: [{ name: "t", value: "1" }] }) {
      kind runId run { id status } } }`,
  );
  const until = (kind: string) => socket.until(() => payloads(socket, '1', 'runsUpdated').at(-1)?.kind === kind);
  await until('SYNCED');
  await start({ t: '2' });
  const id = await start({ t: '1' });
  await until('CREATED');
  await change(id, 'STARTING');
  await until('UPDATED');
  await change(id, 'RUNNING');
  await until('LEFT');
  await change(id, 'COMPLETED');
  const other = await start({ t: '1' });
  await until('CREATED');
  await api.redis.del(recordKey(other));
  await api.redis.publish(
    UPDATES_CHANNEL,
    JSON.stringify({ runId: other, kind: 'DELETED', before: 'PENDING', version: 0 }),
  );
  await until('DELETED');
  expect(payloads(socket, '1', 'runsUpdated')).toEqual([
    { kind: 'SYNCED', runId: null, run: null },
    { kind: 'CREATED', runId: id, run: { id, status: 'PENDING' } },
    { kind: 'UPDATED', runId: id, run: { id, status: 'STARTING' } },
    { kind: 'LEFT', runId: id, run: { id, status: 'RUNNING' } },
    { kind: 'CREATED', runId: other, run: { id: other, status: 'PENDING' } },
    { kind: 'DELETED', runId: other, run: null },
  ]);
});

test('when Redis was away, runUpdated delivers the newest state and runsUpdated sends SYNCED again', async () => {
  const id = await start();
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', 'subscription { runsUpdated { kind } }');
  socket.subscribe('2', 'subscription ($id: ID!) { runUpdated(runId: $id) { status } }', { id });
  await socket.until((message) => message.id === '1');
  await socket.until((message) => message.id === '2');
  // Cut every Pub/Sub connection of the service to Redis; nothing announces this change.
  await api.redis.hset(recordKey(id), 'status', 'RUNNING', 'version', 99);
  await api.redis.client('KILL', 'TYPE', 'PUBSUB');
  await socket.until(() => payloads(socket, '1', 'runsUpdated').filter((one) => one?.kind === 'SYNCED').length === 2);
  await socket.until(() => payloads(socket, '2', 'runUpdated').at(-1)?.status === 'RUNNING');
});

test('retryOf is the run from which retryRun made the new one', async () => {
  const id = await start();
  const query = 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id retryOf { id } } } }';
  const { data } = await post(api.url, query, { id });
  expect(data.retryRun.run.retryOf).toEqual({ id });
});

test('no answer and no download contains a secret', async () => {
  const input = { command: ['true'], env: [{ name: 'TOKEN', value: 's3cret-value', secret: true }] };
  const { data } = await post(api.url, 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }', {
    input,
  });
  const { id } = data.startRun.run;
  const fields = await post(api.url, '{ __type(name: "Run") { fields { name type { kind ofType { kind } } } } }');
  const plain = fields.data.__type.fields.map(({ name }: { name: string }) => name);
  expect(plain).not.toContain('env');
  const scalars = 'id name status image command input output attempt digest lastSeq labels { name value }';
  const all = await post(api.url, `query ($id: ID!) { run(id: $id) { ${scalars} logs { events { __typename } } } }`, {
    id,
  });
  expect(JSON.stringify(all)).not.toContain('s3cret-value');
  for (const file of ['log.txt', 'log.ndjson']) {
    expect(await (await fetch(`${api.url}/runs/${id}/${file}`)).text()).not.toContain('s3cret-value');
  }
});
