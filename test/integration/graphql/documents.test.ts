/**
 * Subscriptions work in every form of document, and a subscription that ends or fails leaves no subscription in Redis.
 */
import { stripIgnoredCharacters } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UPDATES_CHANNEL } from '../../../src/wire/keys.ts';
import { EventReader } from '../../support/clients/eventStream.ts';
import { client, followers, openHttp, operate, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';
import { until } from '../../support/runs/runs.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

/** Each subscribes to a finished run under the alias `it`. */
const SHAPES: Readonly<Record<string, (root: string, other: string) => string>> = {
  'a field': (root) => `subscription ($id: ID!) { ${root} }`,
  'an inline fragment without a type': (root) => `subscription ($id: ID!) { ... { ${root} } }`,
  'an inline fragment': (root) => `subscription ($id: ID!) { ... on Subscription { ${root} } }`,
  'a fragment': (root) => `subscription ($id: ID!) { ...F } fragment F on Subscription { ${root} }`,
  'a fragment before the operation': (root) =>
    `fragment F on Subscription { ${root} } subscription ($id: ID!) { ...F }`,
  'nested fragments': (root) =>
    `subscription ($id: ID!) { ...F } fragment F on Subscription { ... { ...G } } fragment G on Subscription { ${root} }`,
  'the same fragment twice': (root) => `subscription ($id: ID!) { ...F ...F } fragment F on Subscription { ${root} }`,
  'the same field twice': (root, other) => `subscription ($id: ID!) { ${root} ${other} }`,
  'a field and a fragment with the same field': (root, other) =>
    `subscription ($id: ID!) { ${other} ...F } fragment F on Subscription { ${root} }`,
  'an operation chosen by its name': (root) => `query Q { __typename } subscription S($id: ID!) { ${root} }`,
  'variables with defaults, and directives on fields below': (root) =>
    `subscription ($id: ID!, $x: Boolean = true, $after: Int = 1, $text: String = """a""") { ${root
      .replace('($id)', '')
      .replace('runId: $id', 'runId: $id, after: $after, filter: { contains: $text, attempt: 1 }')
      .replace(/ \{ (?=events|lastSeq|__typename|seq)/, ' { again: __typename @include(if: $x) @skip(if: false) ')} }`,
  'comments and block strings': (root) =>
    `# subscription { x }\n"""description"""\nsubscription # {\n($id: ID!,) # }\n{ ${root.replace('runId: $id', 'runId: $id, filter: { exclude: """\n mutation { """ }')} # }\n}`,
  'one line': (root) =>
    stripIgnoredCharacters(`subscription S($id: ID!) { ...F } fragment F on Subscription { ${root} }`),
};

const BATCHES = [
  'it: runLogBatches(runId: $id) { events { __typename } }',
  'it: runLogBatches(runId: $id) { lastSeq }',
];
const LINES = ['it: runLogs(runId: $id) { __typename seq }', 'it: runLogs(runId: $id) { seq attempt }'];
const RUN = ['it: runUpdated(runId: $id) { status }', 'it: runUpdated(runId: $id) { status id }'];

const operationName = (query: string): { operationName?: string } =>
  query.startsWith('query Q') ? { operationName: 'S' } : {};

const overEvents = async (query: string, id: string) => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query, variables: { id }, ...operationName(query) }),
  });
  const text = await response.text();
  expect(text.endsWith('event: complete\ndata:\n\n')).toBe(true);
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? ''));
};
const overSocket = async (query: string, id: string) => {
  await using socket = await new RawSocket(api.url).ready();
  socket.send({ id: '1', type: 'subscribe', payload: { query, variables: { id }, ...operationName(query) } });
  await socket.until(({ type }) => type === 'complete' || type === 'error');
  return socket.messages
    .filter(({ id }) => id === '1')
    .flatMap(({ type, payload }) => (type === 'complete' ? [] : [payload]));
};

/** Expects that no Redis channel of this run is subscribed to. */
const isFreed = (id: string) =>
  until(
    () => followers(api.redis, id),
    (count) => count === 0,
    20_000,
  );

test.each(Object.entries(SHAPES))('a subscription with %s works on both transports', async (_name, shape) => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([line('a'), finished()]);
  const id = writer.runId;
  for (const send of [overEvents, overSocket]) {
    const query = shape(BATCHES[0] as string, BATCHES[1] as string);
    const batches = await send(query, id);
    const types = batches.flatMap(({ data }) =>
      data.it.events.map(({ __typename }: { __typename: string }) => __typename),
    );
    const filtered = query.includes('filter');
    expect(types).toEqual(filtered ? ['LogLine', 'RunFinished'] : ['StatusChanged', 'LogLine', 'RunFinished']);
    if (query.includes('lastSeq')) expect(batches.at(-1)?.data.it.lastSeq).toBe(3);
    const lines = await send(shape(LINES[0] as string, LINES[1] as string), id);
    expect(lines.map(({ data }) => data.it.__typename)).toEqual(types);
  }
  await isFreed(id);
});

test.each(Object.entries(SHAPES).filter(([name]) => !name.includes('variables') && !name.includes('block')))(
  'runUpdated and runsUpdated also accept %s, and free their Redis subscriptions',
  async (_name, shape) => {
    const id = await createRun(api.redis);
    await using socket = await new RawSocket(api.url).ready();
    const query = shape(RUN[0] as string, RUN[1] as string);
    socket.send({ id: '1', type: 'subscribe', payload: { query, variables: { id }, ...operationName(query) } });
    expect(await socket.until((message) => message.id === '1')).toMatchObject({
      payload: { data: { it: { status: 'PENDING' } } },
    });
    const list = 'it: runsUpdated { kind }';
    const lists = shape(list, list).replace(/\(\$id: ?ID!\)/, '');
    socket.send({ id: '2', type: 'subscribe', payload: { query: lists, ...operationName(lists) } });
    expect(await socket.until((message) => message.id === '2')).toMatchObject({
      payload: { data: { it: { kind: 'SYNCED' } } },
    });
    socket.send({ id: '1', type: 'complete' });
    socket.send({ id: '2', type: 'complete' });
    await until(
      async () => Number((await api.redis.pubsub('NUMSUB', UPDATES_CHANNEL))[1]),
      (count) => count === 0,
      20_000,
    );
  },
);

test('a client that leaves a subscription behind a fragment frees its feed, on both transports', async () => {
  const id = await createRun(api.redis);
  const query = SHAPES['nested fragments']?.(BATCHES[0] as string, '') ?? '';
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('1', query, { id });
  await socket.until((message) => message.id === '1');
  await using reader = new EventReader(api.port, { query, variables: { id } });
  await until(
    async () => reader.events.length,
    (count) => count > 0,
    20_000,
  );
  expect(await followers(api.redis, id)).toBe(1);
  socket.send({ id: '1', type: 'complete' });
  reader.socket.destroy();
  await isFreed(id);
});

test.each([
  ['two root fields', 'a: runLogs(runId: $id) { seq } b: runLogs(runId: $id) { seq }'],
  ['a second root field in a fragment', '...F'],
  ['a condition at its root', 'runLogs(runId: $id) @skip(if: false) { seq }'],
  ['a condition around its root', '... @include(if: $x) { runLogs(runId: $id) { seq } }'],
  ['@defer', 'runLogs(runId: $id) { ... @defer { seq } }'],
  ['fields that do not merge', 'runLogs(runId: $id) { seq } runLogs(runId: $id, after: 1) { seq }'],
  ['introspection at its root', '__typename'],
  ['an argument that fails', 'runLogs(runId: $id, after: -1) { seq }'],
  ['a position beyond the end', 'runLogBatches(runId: $id, after: 99) { lastSeq }'],
])('a subscription with %s is refused with an error, and leaves nothing behind', async (_name, selection) => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([finished()]);
  const id = writer.runId;
  const fragment = selection.includes('...F')
    ? 'fragment F on Subscription { a: runLogs(runId: $id) { seq } ... { b: runLogs(runId: $id) { seq } } }'
    : '';
  const x = selection.includes('$x') ? ', $x: Boolean = true' : '';
  const unused = selection.includes('$id') || fragment ? '' : ' @include(if: true)';
  const query = `subscription ${unused === '' ? `($id: ID!${x})` : ''} { ${selection} } ${fragment}`;
  const ws = client(api.url);
  const outcome = await operate(ws, query, { id });
  const [event] = await overEvents(query, id);
  for (const errors of [outcome.errors, event?.errors]) {
    expect(errors?.length).toBeGreaterThan(0);
    expect(errors?.[0]?.extensions.code).toMatch(/^(GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT)$/);
  }
  await ws.dispose();
  expect(await followers(api.redis, id)).toBe(0);
});
