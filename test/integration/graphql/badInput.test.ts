import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, openHttp, operate, post, RawSocket, rawHttp, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

type Verdict = { readonly code: string; readonly argument?: string };
const verdictOf = (errors: readonly { readonly extensions: Verdict }[] | null | undefined): Verdict | null => {
  const extensions = errors?.[0]?.extensions;
  if (extensions === undefined) return null;
  return { code: extensions.code, ...(extensions.argument ? { argument: extensions.argument } : {}) };
};

/** The errors that HTTP, SSE and WebSocket give for the same operation. */
const everywhere = async (query: string, variables: Record<string, unknown>) => {
  const http = await post(api.url, query, variables);
  const events = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables }),
  }).then((response) => response.text());
  const data = /^data: (\{.*\})$/m.exec(events)?.[1];
  const ws = client(api.url);
  const outcome = await operate(ws, query, variables);
  await ws.dispose();
  return [
    verdictOf(http.errors),
    verdictOf(JSON.parse(data ?? '{}').errors),
    verdictOf(outcome.errors ?? outcome.results[0]?.errors),
  ];
};

const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const ID = '00000000-0000-7000-8000-000000000000';
const bad = (argument: string): Verdict => ({ code: 'BAD_USER_INPUT', argument });
const failed = (code: string): Verdict => ({ code });
const command = ['true'];

test.each<[string, string, Record<string, unknown>, Verdict]>([
  ['an empty command', START, { input: { command: [] } }, bad('input.command')],
  [
    'a command of 65 kB',
    START,
    { input: { command: ['x'.repeat(50_000), 'y'.repeat(13_000), 'z'.repeat(1001)] } },
    bad('input.command'),
  ],
  ['a bad env name', START, { input: { command, env: [{ name: 'A B', value: '' }] } }, bad('input.env.0.name')],
  [
    'an env value that is not a string',
    START,
    { input: { command, env: [{ name: 'A', value: 5 }] } },
    bad('input.env.0.value'),
  ],
  ['a missing field', START, { input: {} }, bad('input.command')],
  [
    'an input from a variable with another name',
    'mutation ($i: Int!) { startRun(input: { command: ["a"], timeoutSeconds: $i }) { run { id } } }',
    { i: 'x' },
    bad('input.timeoutSeconds'),
  ],
  ['a negative timeout', START, { input: { command, timeoutSeconds: -1 } }, bad('input.timeoutSeconds')],
  ['a number beyond Int', START, { input: { command, timeoutSeconds: 1e12 } }, bad('input.timeoutSeconds')],
  ['too many attempts', START, { input: { command, retry: { maxAttempts: 11 } } }, bad('input.retry.maxAttempts')],
  [
    'a reason that is too long',
    'mutation ($input: CancelRunInput!) { cancelRun(input: $input) { run { id } } }',
    { input: { runId: ID, reason: 'x'.repeat(2000) } },
    bad('input.reason'),
  ],
  ['first and last', '{ runs(first: 1, last: 1) { edges { cursor } } }', {}, bad('last')],
  ['a page of 501', '{ runs(first: 501) { edges { cursor } } }', {}, bad('first')],
  ['a page of -1', '{ runs(last: -1) { edges { cursor } } }', {}, bad('last')],
  ['an invalid cursor', '{ runs(after: "x") { edges { cursor } } }', {}, bad('after')],
  ['a missing variable', 'query ($id: ID!) { run(id: $id) { id } }', {}, bad('id')],
  ['invalid GraphQL', '{ run(', {}, failed('GRAPHQL_PARSE_FAILED')],
  ['an unknown field', '{ nothing }', {}, failed('GRAPHQL_VALIDATION_FAILED')],
  [
    'a query that is too deep',
    `{ ${'runs { edges { node { retryOf { '.repeat(4)} id ${'} } } }'.repeat(4)} }`,
    {},
    failed('LIMIT_EXCEEDED'),
  ],
  [
    '10,000 aliases',
    `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}: __typename`).join(' ')} }`,
    {},
    failed('LIMIT_EXCEEDED'),
  ],
  ['too many tokens', `{ ${'__typename '.repeat(2100)} }`, {}, failed('LIMIT_EXCEEDED')],
  [
    'an introspection bomb',
    `{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`,
    {},
    failed('GRAPHQL_VALIDATION_FAILED'),
  ],
])('%s is refused in the same way on HTTP, SSE and WebSocket', async (_name, query, variables, expected) => {
  // A WebSocket message over 64 kB is refused before it is parsed.
  const large = JSON.stringify({ query, variables }).length > 64_000;
  const [http, events, ws] = await everywhere(query, variables);
  expect([http, events]).toEqual([expected, expected]);
  expect(ws).toEqual(large ? failed('LIMIT_EXCEEDED') : expected);
});

test.each<[string, string, Record<string, unknown>, Verdict]>([
  ['a negative after', 'runLogs(runId: $id, after: -1) { seq }', {}, bad('after')],
  ['a negative tail', 'runLogBatches(runId: $id, tail: -1) { lastSeq }', {}, bad('tail')],
  ['batches of 0', 'runLogBatches(runId: $id, maxBatch: 0) { lastSeq }', {}, bad('maxBatch')],
  ['batches of 501', 'runLogBatches(runId: $id, maxBatch: 501) { lastSeq }', {}, bad('maxBatch')],
  ['an unknown type', 'runLogs(runId: $id, filter: { types: ["LogLine", "X"] }) { seq }', {}, bad('filter.types.1')],
  ['attempt 0', 'runLogs(runId: $id, filter: { attempt: 0 }) { seq }', {}, bad('filter.attempt')],
])('a subscription with %s is refused with an error message', async (_name, field, variables, expected) => {
  const id = await createRun(api.redis);
  const query = `subscription ($id: ID!) { ${field} }`;
  expect(await everywhere(query, { id, ...variables })).toEqual([expected, expected, expected]);
});

test('S3, S3a: after at the end of a finished run completes at once; beyond it is BAD_USER_INPUT, also if the run ends before it', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const ws = client(api.url);
  const query = 'subscription ($id: ID!, $after: Int) { runLogs(runId: $id, after: $after) { seq } }';
  const waiting = operate(ws, query, { id: writer.runId, after: 50 });
  await writer.append([line('a'), finished()]);
  expect(await waiting).toMatchObject({ results: [], errors: [{ extensions: bad('after') }] });
  expect(await operate(ws, query, { id: writer.runId, after: 4 })).toMatchObject({
    errors: [{ extensions: bad('after') }],
  });
  expect(await operate(ws, query, { id: writer.runId, after: 3 })).toMatchObject({ results: [], completed: true });
  await ws.dispose();
});

test('no error contains the value of a secret', async () => {
  const texts: string[] = [];
  for (const env of [
    [{ name: 'A', value: 's3cret', secret: 'yes' }],
    [{ name: 'A B', value: 's3cret', secret: true }],
    { value: 's3cret', secret: true },
    's3cret',
    [['s3cret']],
    [{ name: 'A', value: 's3cret\0' }],
  ]) {
    const { errors } = await post(api.url, START, { input: { command, env } });
    expect(errors).toHaveLength(1);
    texts.push(JSON.stringify(errors));
  }
  expect(texts.join()).not.toContain('s3cret');
});

test('a body over 1 MB gets 413 with a code, with or without a length header; a body of 1 MB is read', async () => {
  const body = (size: number) => JSON.stringify({ query: '{ __typename }', extensions: { pad: '' } }).padEnd(size, ' ');
  const headers = { 'content-type': 'application/json' };
  const exact = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: body(1_000_000) });
  expect(exact.status).toBe(200);
  const over = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: body(1_000_001) });
  expect(over.status).toBe(413);
  expect(await over.json()).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
  const stream = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 30; i += 1) controller.enqueue(Buffer.alloc(50_000, ' '));
      controller.close();
    },
  });
  const chunked = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers,
    body: stream,
    duplex: 'half',
  } as RequestInit);
  expect(chunked.status).toBe(413);
});

test.each([
  ['invalid JSON', 'nonsense'],
  ['truncated JSON', '{"query": "{ __typename }"'],
  ['a JSON string', '"x"'],
  ['null', 'null'],
  ['a batch', '[{"query":"{ __typename }"}]'],
  ['a query that is not a string', '{"query": 5}'],
  ['variables that are not an object', '{"query": "{ __typename }", "variables": [1]}'],
  ['an unknown member', '{"query": "{ __typename }", "x": 1}'],
  ['empty', ''],
])('a body that is %s gets 400 with a code', async (_name, body) => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const { errors } = (await response.json()) as { errors: { extensions: object }[] };
  expect(response.status).toBe(400);
  expect(errors[0]?.extensions).toEqual({ code: 'BAD_REQUEST' });
});

test('bytes that are not UTF-8, compressed bodies and variables of a GET that are not JSON get their error', async () => {
  const headers = { 'content-type': 'application/json' };
  const bytes = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: Buffer.from([0x7b, 0xff, 0x7d]) });
  expect(bytes.status).toBe(400);
  const nothing = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body: '{}' });
  expect(await nothing.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
  const zipped = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-encoding': 'gzip' },
    body: '{}',
  });
  expect(zipped.status).toBe(415);
  const get = await fetch(`${api.url}/graphql?query={__typename}&variables=x`);
  expect([get.status, await get.json()]).toMatchObject([400, { errors: [{ extensions: { code: 'BAD_REQUEST' } }] }]);
});

test('data that is not HTTP gets 400, headers that are too large 431, other methods 405, other paths 404', async () => {
  expect(await rawHttp(api.port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"BAD_REQUEST"/);
  const large = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`;
  expect(await rawHttp(api.port, large)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"code":"LIMIT_EXCEEDED"/);
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const response = await fetch(`${api.url}/graphql`, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST']);
  }
  const other = await fetch(`${api.url}/nothing`);
  expect([other.status, await other.json()]).toMatchObject([404, { errors: [{ extensions: { code: 'NOT_FOUND' } }] }]);
});

test('S6e: a message over 64 kB is refused for its id, and the socket and its other subscriptions go on', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('log', 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }', { id: writer.runId });
  await socket.until(({ id }) => id === 'log');
  socket.subscribe('large', `query { __typename } ${'#'.repeat(64_000)}`);
  const refused = await socket.until(({ id }) => id === 'large');
  expect(refused).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
  await writer.lines(1);
  await socket.until(({ id, payload }) => id === 'log' && JSON.stringify(payload).includes('"seq":2'));
  socket.subscribe('small', '{ __typename }');
  expect(await socket.until(({ id }) => id === 'small')).toMatchObject({ type: 'next' });
});

test('S6: a message over 1 MB closes the socket with 1009', async () => {
  const socket = await new RawSocket(api.url).ready();
  socket.subscribe('huge', '#'.repeat(1_000_000));
  expect((await socket.closed).code).toBe(1009);
});

test.each<[string, number, unknown]>([
  ['invalid JSON', 4400, 'nonsense'],
  ['a JSON list', 4400, '[]'],
  ['an unknown type', 4400, { type: 'nonsense' }],
  ['a subscribe without id', 4400, { type: 'subscribe', payload: { query: '{ __typename }' } }],
  ['a subscribe without query', 4400, { type: 'subscribe', id: '1', payload: {} }],
  ['65 kB that are not JSON', 4400, 'x'.repeat(65_000)],
  ['a second connection_init', 4429, { type: 'connection_init' }],
])('S6: %s closes the socket with %d', async (_name, code, message) => {
  const socket = await new RawSocket(api.url).ready();
  socket.send(message);
  expect((await socket.closed).code).toBe(code);
});

test('before connection_init nothing can be subscribed to, and without it the socket is closed after 3 seconds', async () => {
  const early = await new RawSocket(api.url).opened();
  early.subscribe('1', '{ __typename }');
  expect((await early.closed).code).toBe(4401);
  const large = await new RawSocket(api.url).opened();
  large.subscribe('1', '#'.repeat(65_000));
  expect((await large.closed).code).toBe(4401);
  const silent = await new RawSocket(api.url).opened();
  expect((await silent.closed).code).toBe(4408);
  const other = await new RawSocket(api.url, {}, []).opened();
  expect((await other.closed).code).toBe(4406);
});

test('an id that is in use closes the socket with 4409, also if the message is too large', async () => {
  const id = await createRun(api.redis);
  for (const query of ['{ __typename }', '#'.repeat(65_000)]) {
    const socket = await new RawSocket(api.url).ready();
    socket.subscribe('1', 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }', { id });
    await socket.until((message) => message.id === '1');
    socket.subscribe('1', query);
    expect((await socket.closed).code).toBe(4409);
  }
});

test('a socket has at most 100 operations at once; one more is refused, and accepted again after one has ended', async () => {
  const id = await createRun(api.redis);
  await using socket = await new RawSocket(api.url).ready();
  const query = 'subscription ($id: ID!) { runLogs(runId: $id) { seq } }';
  for (let i = 0; i < 101; i += 1) socket.subscribe(`s${i}`, query, { id });
  const refused = await socket.until(({ type }) => type === 'error');
  expect(refused).toMatchObject({ id: 's100', payload: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
  for (let i = 0; i < 100; i += 1) await socket.until((message) => message.id === `s${i}` && message.type === 'next');
  socket.send({ id: 's0', type: 'complete' });
  socket.subscribe('again', query, { id });
  await socket.until((message) => message.id === 'again' && message.type === 'next');
});

test('one request lists a bounded number of runs', async () => {
  const lists = Array.from({ length: 5 }, (_, i) => `r${i}: runs(first: 500) { pageInfo { hasNextPage } }`);
  expect((await post(api.url, `{ ${lists.slice(1).join(' ')} }`)).errors).toBeUndefined();
  expect((await post(api.url, `{ ${lists.join(' ')} }`)).errors?.[0]?.extensions).toEqual({ code: 'LIMIT_EXCEEDED' });
});

test('an ambiguous operation is refused, and the socket stays open', async () => {
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', 'query A { __typename } query B { __typename }');
  const refused = await socket.until(({ id }) => id === '1');
  expect(refused).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } }] });
  socket.subscribe('2', '{ __typename }');
  await socket.until(({ id }) => id === '2');
});
