/** PERSISTED_DOCUMENTS and INTROSPECTION on every transport. */
import { createHash } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { openHttp, type TestApi } from '../../support/clients/http.ts';

const TYPE = 'query Kind { __typename }';
const CHANGES = 'subscription Changes { runsUpdated { kind } }';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let api: TestApi;
let hidden: TestApi;
beforeAll(async () => {
  const manifest = new Map([TYPE, CHANGES].map((text) => [sha256(text), text]));
  [api, hidden] = await Promise.all([openHttp({ manifest }), openHttp({ introspection: false, graphiql: false })]);
});
afterAll(() => Promise.all([api[Symbol.asyncDispose](), hidden[Symbol.asyncDispose]()]));

interface Answer {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}
type Send = (url: string, request: Readonly<Record<string, unknown>>) => Promise<Answer>;

const byPost: Send = async (url, request) => {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(request) });
  return (await response.json()) as Answer;
};
const byGet: Send = async (url, request) => {
  const parameters = Object.entries(request).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const response = await fetch(`${url}/graphql?${new URLSearchParams(parameters)}`);
  return (await response.json()) as Answer;
};
const byEvents: Send = async (url, request) => {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify(request) });
  const text = await response.text();
  return JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text) as Answer;
};
const bySocket: Send = (url, request) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    onTestFinished(() => socket.terminate());
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
    socket.on('message', (bytes) => {
      const { type, payload } = JSON.parse(bytes.toString());
      if (type === 'connection_ack') socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: request }));
      if (type === 'next') resolve(payload as Answer);
      if (type === 'error') resolve({ errors: payload });
    });
  });
const TRANSPORTS: readonly [string, Send][] = [
  ['POST', byPost],
  ['GET', byGet],
  ['server-sent events', byEvents],
  ['WebSocket', bySocket],
];
const codeOf = ({ errors }: Answer): string | undefined => errors?.[0]?.extensions?.code;

test.each(TRANSPORTS)('a persisted document is executed by its id, by %s', async (_name, send) => {
  const id = sha256(TYPE);
  for (const request of [
    { documentId: id },
    { documentId: `sha256:${id}` },
    { extensions: { persistedQuery: { version: 1, sha256Hash: id } } },
    { query: TYPE },
    { query: '{ runs { edges { cursor } } }', documentId: id },
  ]) {
    expect((await send(api.url, request)).data).toEqual({ __typename: 'Query' });
  }
});

test.each(TRANSPORTS)('other documents are refused if there is a manifest, by %s', async (_name, send) => {
  expect(codeOf(await send(api.url, { query: '{ __typename }' }))).toBe('FORBIDDEN');
  expect(codeOf(await send(api.url, { documentId: sha256('other') }))).toBe('PERSISTED_QUERY_NOT_FOUND');
  const registration = { query: '{ a: __typename }', extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } };
  expect(codeOf(await send(api.url, registration))).toBe('PERSISTED_QUERY_NOT_FOUND');
});

test.each(TRANSPORTS)('without a manifest, a text is executed and an id is refused, by %s', async (_name, send) => {
  const persistedQuery = { version: 1, sha256Hash: sha256(TYPE) };
  expect((await send(hidden.url, { query: TYPE, extensions: { persistedQuery } })).data).toEqual({
    __typename: 'Query',
  });
  for (const request of [{ documentId: sha256(TYPE) }, { extensions: { persistedQuery } }]) {
    expect(codeOf(await send(hidden.url, request))).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
  }
});

test('graphql-ws can subscribe with the id of a persisted document', async () => {
  const client = createClient({ url: `${api.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket });
  const results = client.iterate({ query: '', extensions: { persistedQuery: { sha256Hash: sha256(CHANGES) } } });
  expect((await results.next()).value).toEqual({ data: { runsUpdated: { kind: 'SYNCED' } } });
  await client.dispose();
});

test.each(TRANSPORTS)('INTROSPECTION=off refuses introspection queries, by %s', async (_name, send) => {
  const documents = [
    '{ __schema { queryType { name } } }',
    '{ __type(name: "Run") { name } }',
    '{ ...F } fragment F on Query { a: __schema { description } }',
  ];
  for (const query of documents) expect(codeOf(await send(hidden.url, { query }))).toBe('GRAPHQL_VALIDATION_FAILED');
  expect((await send(hidden.url, { query: '{ __typename }' })).data).toEqual({ __typename: 'Query' });
});

test('INTROSPECTION=off: no error suggests a name from the schema', async () => {
  const documents = [
    '{ rum(id: "1") { id } }',
    '{ run(idd: "1") { id } }',
    '{ run(id: "1") { statuss } }',
    '{ runs(filter: { statuss: [FAILED] }) { edges { cursor } } }',
    '{ runs(filter: { status: [FAILD] }) { edges { cursor } } }',
    'query ($f: RunFilte) { runs(filter: $f) { edges { cursor } } }',
    'subscription { runLogs(runId: "1") { ... on LogLin { message } } }',
  ];
  for (const query of documents) {
    const { errors } = await byPost(hidden.url, { query });
    expect(errors?.length).toBeGreaterThan(0);
    expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
  }
  const variables = { f: { status: ['FAILD'] } };
  const query = 'query ($f: RunFilter) { runs(filter: $f) { edges { cursor } } }';
  expect(JSON.stringify(await byPost(hidden.url, { query, variables }))).not.toMatch(/did you mean/i);
});

test('GRAPHIQL=off: a browser gets no GraphiQL page', async () => {
  const page = await fetch(`${hidden.url}/graphql`, { headers: { accept: 'text/html' } });
  expect(page.headers.get('content-type')).not.toContain('text/html');
  expect((await fetch(hidden.url, { redirect: 'manual' })).status).toBe(404);
});
