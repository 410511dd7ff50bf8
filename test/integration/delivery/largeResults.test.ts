/** A large result of a query is made in pieces: it is the same on each transport, with its errors, status and headers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, openHttp, operate, type TestApi } from '../../support/clients/http.ts';
import { createRun, line, PlainWriter } from '../../support/log.ts';

const LINES = 3000;
let api: TestApi;
let query: string;
let expected: unknown;

beforeAll(async () => {
  api = await openHttp();
  const id = await createRun(api.redis);
  const writer = await new PlainWriter(api.redis, id).claim();
  const messages = Array.from({ length: LINES }, (_, i) => `${i} "é" \u2028 ${'x'.repeat(100)}`);
  await writer.append(messages.map((message) => line(message)));
  query = `{ run(id: "${id}") { logs(first: 5000, after: 1) { events { seq ... on LogLine { message } } } bad: logs(first: 1, last: 1) { endSeq } } }`;
  expected = { run: { logs: { events: messages.map((message, i) => ({ seq: i + 2, message })) }, bad: null } };
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = (accept: string): Promise<Response> =>
  fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query }),
  });

const ERRORS = [{ path: ['run', 'bad'], extensions: { code: 'BAD_USER_INPUT' } }];

test.each(['application/json', 'application/graphql-response+json'])('as %s', async (type) => {
  const response = await ask(type);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain(type);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const { data, errors } = (await response.json()) as { data: unknown; errors: unknown };
  expect(data).toEqual(expected);
  expect(errors).toMatchObject(ERRORS);
});

test('as server-sent events: one next, then complete with the id after which nothing follows', async () => {
  const response = await ask('text/event-stream');
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const text = await response.text();
  const [event, data = ''] = text.split('\n').filter((row) => row !== ':' && row !== '');
  expect(event).toBe('event: next');
  expect(JSON.parse(data.slice('data: '.length))).toMatchObject({ data: expected, errors: ERRORS });
  expect(text.endsWith('\n\nid: end\nevent: complete\ndata:\n\n')).toBe(true);
});

test('over a WebSocket: one next, then complete', async () => {
  const ws = client(api.url);
  const { results, completed } = await operate(ws, query);
  expect(completed).toBe(true);
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({ data: expected, errors: ERRORS });
  await ws.dispose();
});
