import { expect, test, vi } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { EventReader } from '../../support/clients/eventStream.ts';
import { openHttp, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';

const FIELDS = {
  runLogs: 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }',
  runLogBatches: 'subscription ($id: ID!) { runLogBatches(runId: $id, tail: 5) { lastSeq } }',
  filtered: 'subscription ($id: ID!) { runLogs(runId: $id, tail: 5, filter: { contains: "x" }) { seq } }',
  runUpdated: 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }',
  runsUpdated: 'subscription { runsUpdated { kind } }',
} as const;
const NAMES = Object.keys(FIELDS) as (keyof typeof FIELDS)[];
const variablesOf = (name: keyof typeof FIELDS, id: RunId) => (name === 'runsUpdated' ? {} : { id });

/** Redis hangs: connections stay open, and nothing answers. */
const frozen = async (api: TestApi): Promise<() => Promise<void>> => {
  process.kill(api.server.pid, 'SIGSTOP');
  return async () => void process.kill(api.server.pid, 'SIGCONT');
};
/** All connections of the service are cut, and no new one is accepted. */
const gone = async (api: TestApi): Promise<() => Promise<void>> => {
  await api.redis.config('SET', 'maxclients', '1');
  for (const type of ['normal', 'pubsub']) await api.redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  return async () => void (await api.redis.config('SET', 'maxclients', '10000'));
};
const WAYS = [
  ['hangs', frozen],
  ['is gone', gone],
] as const;

test.each(WAYS)(
  'S5: while Redis %s, new subscriptions of each kind wait by WebSocket and SSE, and then go on',
  async (_how, away) => {
    await using api = await openHttp();
    const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
    await writer.lines(3, 'x');
    const id = writer.runId;
    await using socket = await new RawSocket(api.url).ready();
    await using stack = new AsyncDisposableStack();
    const back = await away(api);
    let readers: readonly EventReader[] = [];
    try {
      for (const name of NAMES) socket.subscribe(name, FIELDS[name], variablesOf(name, id));
      readers = NAMES.map((name) =>
        stack.use(new EventReader(api.port, { query: FIELDS[name], variables: variablesOf(name, id) })),
      );
      // Longer than a request waits for Redis.
      await Promise.all(readers.map((reader) => reader.until(({ head }) => head.startsWith('HTTP/1.1 200'))));
      const began = performance.now();
      await vi.waitUntil(() => performance.now() - began > 6500, { timeout: 30_000 });
      expect(socket.messages.filter((message) => NAMES.some((name) => name === message.id))).toEqual([]);
      expect(readers.flatMap(({ events }) => events)).toEqual([]);
    } finally {
      await back();
    }
    for (const name of NAMES) await socket.until((message) => message.id === name && message.type === 'next');
    await Promise.all(readers.map((reader) => reader.until(({ events }) => events[0]?.event === 'next')));
    await writer.append([finished()]);
    await socket.until((message) => message.id === 'runLogs' && message.type === 'complete');
  },
  90_000,
);

test.each(WAYS)(
  'S5a: while Redis %s, a client that subscribes and leaves again leaves no work behind',
  async (_how, away) => {
    await using api = await openHttp();
    const ids = await Promise.all(Array.from({ length: 20 }, () => createRun(api.redis)));
    await using socket = await new RawSocket(api.url).ready();
    const back = await away(api);
    try {
      for (let round = 0; round < 10; round += 1) {
        const readers = [];
        for (const [i, id] of ids.entries()) {
          for (const name of NAMES) {
            const operation = `${round} ${i} ${name}`;
            socket.subscribe(operation, FIELDS[name], variablesOf(name, id));
            socket.send({ id: operation, type: 'complete' });
          }
          readers.push(new EventReader(api.port, { query: FIELDS.runLogs, variables: { id } }));
        }
        await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
      }
      await vi.waitUntil(() => api.work().feeds === 0 && api.work().asking === 0, { timeout: 30_000 });
      // A few requests to Redis are under way, each for at most these 20 runs, however many clients asked.
      expect(api.work().commands).toBeLessThan(250);
    } finally {
      await back();
    }
    // No channel was subscribed to for clients that had left.
    const channels = async (): Promise<unknown[]> => (await api.redis.pubsub('CHANNELS')) as unknown[];
    await vi.waitUntil(async () => (await channels()).length === 0, { timeout: 30_000, interval: 200 });
    socket.subscribe('last', FIELDS.runLogs, { id: ids[0] });
    await socket.until((message) => message.id === 'last' && message.type === 'next');
  },
  90_000,
);

test('a run that does not exist when Redis is back gets NOT_FOUND, by WebSocket and SSE', async () => {
  await using api = await openHttp();
  const id = '0190a0a0-0000-7000-8000-000000000000';
  await using socket = await new RawSocket(api.url).ready();
  const back = await frozen(api);
  await using reader = new EventReader(api.port, { query: FIELDS.runLogs, variables: { id } });
  try {
    socket.subscribe('1', FIELDS.runLogs, { id });
    socket.subscribe('2', FIELDS.runUpdated, { id });
    await reader.until(({ head }) => head.startsWith('HTTP/1.1 200'));
  } finally {
    await back();
  }
  for (const one of ['1', '2']) {
    const refused = await socket.until((message) => message.id === one);
    expect(refused).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'NOT_FOUND' } }] });
  }
  await reader.until(({ events }) => events.length === 2);
  expect(reader.events).toMatchObject([
    { event: 'next', data: { errors: [{ extensions: { code: 'NOT_FOUND' } }] } },
    { event: 'complete' },
  ]);
}, 90_000);
