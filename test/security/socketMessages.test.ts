/** A WebSocket message that no honest client sends gets the close code of PROTOCOL.md, S6, and no stack in the log. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, RawSocket, type TestApi } from '../support/clients/http.ts';
import { createRun } from '../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(async () => {
  expect(api.logged).toEqual([]);
  await api[Symbol.asyncDispose]();
});

const QUERY = '{ __typename }';
const deep = `{"id":"1","type":"subscribe","payload":{"query":"${QUERY}","variables":${'{"a":'.repeat(5000)}1${'}'.repeat(5001)}}}`;

const messages: readonly (readonly [what: string, message: unknown])[] = [
  ...['next', 'error', 'connection_ack', 'nonsense', '', 5, null, true, {}, [], undefined].map(
    (type) => [`the type ${JSON.stringify(type)}`, { type, id: '1', payload: { query: QUERY } }] as const,
  ),
  ...['subscribe', 'complete'].flatMap((type) =>
    [undefined, null, 5, '', {}, ['1'], true, 'x'.repeat(129), 'ü'.repeat(60_000)].map(
      (id) =>
        [`${type} with the id ${JSON.stringify(id)?.slice(0, 20)}`, { type, id, payload: { query: QUERY } }] as const,
    ),
  ),
  ...[
    undefined,
    null,
    5,
    'x',
    [],
    {},
    { query: 5 },
    { query: null },
    { query: QUERY, variables: 5 },
    { query: QUERY, variables: [] },
  ].map(
    (payload) =>
      [`subscribe with the payload ${JSON.stringify(payload)}`, { type: 'subscribe', id: '1', payload }] as const,
  ),
  ...[{ operationName: 5 }, { extensions: 5 }, { extensions: [] }].map(
    (more) =>
      [
        `subscribe with ${JSON.stringify(more)}`,
        { type: 'subscribe', id: '1', payload: { query: QUERY, ...more } },
      ] as const,
  ),
  ...['ping', 'pong', 'connection_init'].flatMap((type) =>
    [5, 'x', []].map((payload) => [`${type} with the payload ${JSON.stringify(payload)}`, { type, payload }] as const),
  ),
  ['a JSON string', '"x"'],
  ['null', 'null'],
  ['an empty message', ''],
  ['a truncated message', '{"type":"ping"'],
  ['JSON with 5,000 levels', deep],
];

test.each(messages)('S6: %s closes the socket with 4400', async (_what, message) => {
  const socket = await new RawSocket(api.url).ready();
  socket.send(message);
  const { code, reason } = await socket.closed;
  expect(code).toBe(4400);
  expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
});

test('S6: a binary frame closes the socket with 4400', async () => {
  const socket = await new RawSocket(api.url).ready();
  socket.socket.send(Buffer.from('{"type":"ping"}'), { binary: true });
  expect((await socket.closed).code).toBe(4400);
});

test('S6: an id that is in use closes the socket with 4409, however long it is', async () => {
  const id = await createRun(api.redis);
  for (const name of ['1', 'x'.repeat(128), 'ü'.repeat(128), '😀'.repeat(64), '__proto__', 'constructor']) {
    const socket = await new RawSocket(api.url).ready();
    socket.subscribe(name, 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }', { id });
    await socket.until((message) => message.id === name && message.type === 'next');
    socket.subscribe(name, QUERY);
    const { code, reason } = await socket.closed;
    expect([name, code]).toEqual([name, 4409]);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  }
});

test.each([
  { type: 'subscribe', id: '1', payload: { query: QUERY } },
  { type: 'complete', id: '1' },
])('S6: $type before connection_init closes the socket with 4401, ping and pong do not', async (message) => {
  const socket = await new RawSocket(api.url).opened();
  socket.send({ type: 'pong' });
  socket.send({ type: 'ping', payload: { a: 1 } });
  expect(await socket.until(({ type }) => type === 'pong')).toEqual({ type: 'pong', payload: { a: 1 } });
  socket.send(message);
  expect((await socket.closed).code).toBe(4401);
});

test('S6: before connection_ack a message has 72 KiB at most, after it 1 MB', async () => {
  const early = await new RawSocket(api.url).opened();
  early.send({ type: 'ping', payload: { pad: 'x'.repeat(80_000) } });
  expect((await early.closed).code).toBe(1009);
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('large', `${QUERY} ${'#'.repeat(900_000)}`);
  expect(await socket.until(({ id }) => id === 'large')).toMatchObject({ type: 'error' });
});

test('complete for an unknown operation is ignored', async () => {
  await using socket = await new RawSocket(api.url).ready();
  for (const id of ['nobody', '__proto__', 'constructor', 'x'.repeat(128)]) socket.send({ type: 'complete', id });
  socket.subscribe('1', QUERY);
  expect(await socket.until(({ id }) => id === '1')).toMatchObject({ type: 'next' });
});
