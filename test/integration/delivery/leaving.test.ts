import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UPDATES_CHANNEL } from '../../../src/wire/keys.ts';
import { EventReader } from '../../support/clients/eventStream.ts';
import { client, followers, openHttp, operate, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';
import { until } from '../../support/runs/runs.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const QUERIES = {
  runLogs: 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }',
  runLogBatches: 'subscription ($id: ID!) { runLogBatches(runId: $id) { lastSeq } }',
} as const;
const freed = (id: string) =>
  until(
    () => followers(api.redis, id),
    (count) => count === 0,
    20_000,
  );
const followed = (id: string) =>
  until(
    () => followers(api.redis, id),
    (count) => count === 1,
    5000,
  );

/** Writes to the run's log as fast as Redis takes it, until the returned function is called. */
const busy = (writer: PlainWriter) => {
  let stop = false;
  const done = (async () => {
    while (!stop) {
      await writer.lines(50, 'x'.repeat(200));
      await delay(1);
    }
  })();
  return async () => {
    stop = true;
    await done;
  };
};

const CASES = (['runLogs', 'runLogBatches'] as const).flatMap((field) => [
  [field, 'idle'] as const,
  [field, 'busy'] as const,
]);

test.each(CASES)('J6: a viewer of %s that is %s frees its feed by complete', async (field, state) => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const stop = state === 'busy' ? busy(writer) : async () => undefined;
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', QUERIES[field], { id: writer.runId });
  await socket.until(({ id }) => id === '1');
  await followed(writer.runId);
  socket.send({ id: '1', type: 'complete' });
  await freed(writer.runId);
  await stop();
});

test.each(CASES)('J6: a viewer of %s that is %s frees its feed by socket loss', async (field, state) => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const stop = state === 'busy' ? busy(writer) : async () => undefined;
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', QUERIES[field], { id: writer.runId });
  await socket.until(({ id }) => id === '1');
  await followed(writer.runId);
  socket.socket.terminate();
  await freed(writer.runId);
  await stop();
});

const openEvents = async (query: string, id: string) => {
  const leave = new AbortController();
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { id } }),
    signal: leave.signal,
  });
  const reader = response.body?.getReader();
  return { leave, reader };
};

test.each(CASES)('J6: a viewer of %s that is %s frees its feed by SSE abort', async (field, state) => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const stop = state === 'busy' ? busy(writer) : async () => undefined;
  const { leave, reader } = await openEvents(QUERIES[field], writer.runId);
  await reader?.read();
  await followed(writer.runId);
  leave.abort();
  await freed(writer.runId);
  await stop();
});

test('viewers that leave while their subscription is being made leave nothing behind', async () => {
  const id = await createRun(api.redis);
  for (let i = 0; i < 20; i += 1) {
    const socket = await new RawSocket(api.url).ready();
    socket.subscribe('1', QUERIES.runLogs, { id });
    if (i % 2 === 0) socket.send({ id: '1', type: 'complete' });
    await delay(i % 5);
    socket.socket.terminate();
    const { leave } = await Promise.race([
      openEvents(QUERIES.runLogs, id),
      delay(1000, { leave: new AbortController() }),
    ]);
    leave.abort();
  }
  await freed(id);
  expect(api.hub.feeds).toBe(0);
});

const MESSAGES = 'subscription ($id: ID!) { runLogBatches(runId: $id) { events { seq ... on LogLine { message } } } }';

/** Viewers that subscribe to the log and read nothing. Each returns a function that cuts the connection. */
const STALLED = {
  WebSocket: async (id: string) => {
    const slow = await new RawSocket(api.url).ready();
    slow.socket.pause();
    slow.subscribe('1', MESSAGES, { id });
    return () => slow.socket.terminate();
  },
  SSE: async (id: string) => {
    const slow = new EventReader(api.port, { query: MESSAGES, variables: { id } });
    slow.socket.pause();
    return () => slow.socket.destroy();
  },
} as const;

test.each(['WebSocket', 'SSE'] as const)(
  'J7: a viewer by %s that stops reading delays nobody, costs bounded memory, and leaves at once',
  async (transport) => {
    const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
    const leave = await STALLED[transport](writer.runId);
    await followed(writer.runId);
    for (let i = 0; i < 60; i += 1) await writer.lines(200, 'y'.repeat(5000));
    const before = process.memoryUsage().rss;
    // 400 MB; the writer, in this process, also leaves some garbage.
    for (let i = 0; i < 400; i += 1) await writer.lines(200, 'y'.repeat(5000));
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    leave();
    await freed(writer.runId);
  },
);

test('followers of runs free run_updates when the last one leaves', async () => {
  const count = async () => Number((await api.redis.pubsub('NUMSUB', UPDATES_CHANNEL))[1]);
  const id = await createRun(api.redis);
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', 'subscription ($id: ID!) { runUpdated(runId: $id) { id } }', { id });
  socket.subscribe('2', 'subscription { runsUpdated { kind } }');
  await socket.until((message) => message.id === '1');
  await socket.until((message) => message.id === '2');
  expect(await count()).toBe(1);
  socket.send({ id: '1', type: 'complete' });
  socket.socket.terminate();
  await until(count, (left) => left === 0, 1000);
});

test('a subscription of a finished run ends by itself: complete frees the feed', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const ws = client(api.url);
  const done = operate(ws, QUERIES.runLogs, { id: writer.runId });
  await followed(writer.runId);
  await writer.append([finished()]);
  expect((await done).completed).toBe(true);
  await freed(writer.runId);
  await ws.dispose();
});
