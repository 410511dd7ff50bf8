/** A client that leaves while the service waits for Redis is no error of the service. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun } from '../../support/log.ts';
import { until } from '../../support/runs/runs.ts';

let api: TestApi;
let logs: string;
beforeAll(async () => {
  api = await openHttp();
  logs = `{ run(id: "${await createRun(api.redis)}") { logs(first: 5) { endSeq } output } runs(first: 2) { edges { cursor } } }`;
});
afterAll(() => api[Symbol.asyncDispose]());

const waits = (count: number) =>
  until(
    async () => api.work().commands,
    (commands) => (count === 0 ? commands === 0 : commands > 0),
  );
const overHttp = async (accept: string): Promise<void> => {
  const headers = { 'content-type': 'application/json', accept };
  const sent = request(`${api.url}/graphql`, { method: 'POST', headers }).on('error', () => undefined);
  sent.end(JSON.stringify({ query: logs }));
  await waits(1);
  sent.destroy();
};
const overWebSocket = async (leave: (socket: RawSocket) => void): Promise<void> => {
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', logs);
  await waits(1);
  leave(socket);
};

test.each([
  ['a request', () => overHttp('application/json')],
  ['an event stream', () => overHttp('text/event-stream')],
  ['a WebSocket', () => overWebSocket(({ socket }) => socket.terminate())],
  ['an operation on a WebSocket', () => overWebSocket((socket) => socket.send('{"id":"1","type":"complete"}'))],
])('a client that leaves %s while Redis is slow leaves no line in the log', async (_what, leave) => {
  await api.redis.call('CLIENT', 'PAUSE', '700', 'ALL');
  await leave();
  await waits(0);
  // Whatever it began has ended when a later request is answered.
  expect((await fetch(`${api.url}/health/live`)).status).toBe(200);
  expect(api.logged).toEqual([]);
});
