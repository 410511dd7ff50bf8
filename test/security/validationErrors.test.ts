/** Errors in a document cost the service no more than its text, and leave nothing in memory. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, openHttp, operate, type TestApi } from '../support/clients/http.ts';
import { startRedis } from '../support/redis/redis.ts';
import { spawnService } from '../support/startedService.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const names = (count: number, characters: number, salt = ''): string[] =>
  Array.from({ length: count }, (_, i) => `f${salt}${i}`.padEnd(characters, 'x'));
const long = 'x'.repeat(60 * KIB);
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const unknownFields = (salt = ''): string =>
  `mutation { startRun(input: { command: ["true"], ${names(101, 60, salt).map((name) => `${name}: "SECRET"`)} }) { run { id } } }`;

interface Case {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}
const CASES: readonly (readonly [string, Case])[] = [
  ['101 unknown input fields in one literal', { query: unknownFields() }],
  [
    'unknown input fields in lists',
    {
      query: `mutation { startRun(input: { command: ["a"], env: [${names(60, 60).map((n) => `{ ${n}: "SECRET" }`)}] }) { run { id } } }`,
    },
  ],
  ['400 unknown fields', { query: `{ ${names(400, 20).join(' ')} }` }],
  ['unknown fields in fragments', { query: `{ ...A ...A } fragment A on Query { ${names(400, 20).join(' ')} }` }],
  [
    '300 unknown arguments',
    { query: `{ runs(${names(300, 60).map((name) => `${name}: "SECRET"`)}) { edges { cursor } } }` },
  ],
  [
    '300 unknown fragments',
    {
      query: `{ ${names(300, 60)
        .map((name) => `...${name}`)
        .join(' ')} }`,
    },
  ],
  [
    '300 unused fragments',
    {
      query: `{ __typename } ${names(300, 40)
        .map((name) => `fragment ${name} on Query { __typename }`)
        .join(' ')}`,
    },
  ],
  [
    '300 unknown variables',
    {
      query: `{ ${names(28, 20)
        .map((name) => `${name}: run(id: $${name}) { id }`)
        .join(' ')} }`,
    },
  ],
  ['300 unused variables', { query: `query (${names(300, 40).map((name) => `$${name}: Int`)}) { __typename }` }],
  [
    'conflicting fields',
    {
      query: `{ ${names(28, 10)
        .map((n) => `a: run(id: "${n}") { b: ${'id'} }`)
        .join(' ')} ${'a: node(id: "SECRET") { id }'} }`,
    },
  ],
  ['a value of 60 kB of the wrong type', { query: `{ runs(first: "SECRET${long}") { edges { cursor } } }` }],
  ['a value of an enum', { query: `{ runs(filter: { status: ["SECRET${long}"] }) { edges { cursor } } }` }],
  ['an unknown field of 60 kB', { query: `{ ${long} }` }],
  ['an alias of 60 kB', { query: `{ ${long}: __typename }` }],
  ['an operation with a name of 60 kB', { query: `query ${long} { __typename }` }],
  ['a type of 60 kB', { query: `{ ... on ${long} { id } }` }],
  ['a directive of 60 kB', { query: `{ __typename @${long} }` }],
  ['a syntax error at a string of 60 kB', { query: `{ "SECRET${long}" }` }],
  ['a syntax error at a block string', { query: `{ """SECRET${long}""" }` }],
  ['a syntax error at a name', { query: `{ runs(a b${long}` }],
  ['an operationName of 60 kB', { query: 'query A { __typename } query B { __typename }', operationName: long }],
  ['900 levels of lists', { query: `{ runs(first: ${'['.repeat(900)}1${']'.repeat(900)}) { edges { cursor } } }` }],
  [
    '900 levels of objects',
    { query: `{ runs(filter: ${'{a:'.repeat(400)}1${'}'.repeat(400)}) { edges { cursor } } }` },
  ],
  ['1900 levels of selections', { query: '{a'.repeat(900) }],
  [
    'variables with 1,000 unknown fields',
    {
      query: START,
      variables: { input: { command: ['a'], ...Object.fromEntries(names(900, 30).map((name) => [name, 'SECRET'])) } },
    },
  ],
  [
    'variables with 5,000 items of the wrong type',
    { query: START, variables: { input: { command: Array.from({ length: 5000 }, () => 7) } } },
  ],
  ['a variable of 50 kB of the wrong type', { query: START, variables: { input: `SECRET${'x'.repeat(50_000)}` } }],
  [
    'a variable inside a list, of 50 kB',
    {
      query: START,
      variables: { input: { command: ['a'], env: [{ name: 'A', value: { SECRET: 'x'.repeat(50_000) } }] } },
    },
  ],
  [
    'a label of a variable with a long name',
    {
      query: `query ($${'x'.repeat(100)}: Int!) { runs(first: $${'x'.repeat(100)}) { edges { cursor } } }`,
      variables: { ['x'.repeat(100)]: 'SECRET' },
    },
  ],
];

const overHttp = async ({ query, variables, operationName }: Case, accept = 'application/json'): Promise<string> => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: JSON.stringify({ query, variables, operationName }),
  });
  return await response.text();
};

test.each(CASES)('%s: the answer is a few kB, with a few errors and no value', async (_name, given) => {
  const text = await overHttp(given);
  expect(text.length).toBeLessThan(12 * KIB);
  expect(text).not.toContain('SECRET');
  const { errors } = JSON.parse(text) as { errors: { message: string; extensions: { code: string } }[] };
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.length).toBeLessThanOrEqual(6);
  for (const { extensions } of errors) expect(extensions.code).not.toBe('INTERNAL_SERVER_ERROR');
  const events = await overHttp(given, 'text/event-stream');
  expect(events.length).toBeLessThan(16 * KIB);
  expect(events).not.toContain('SECRET');
});

test('over WebSocket the errors are as few and as short', async () => {
  const ws = client(api.url);
  for (const [name, { query, variables }] of CASES.filter(([, { operationName }]) => operationName === undefined)) {
    const { errors, results } = await operate(ws, query, variables);
    const text = JSON.stringify(errors ?? results[0]?.errors);
    expect(text.length, name).toBeLessThan(12 * KIB);
    expect(text, name).not.toContain('SECRET');
  }
  await ws.dispose();
});

test.each([
  ['a parameter of 60 kB', { [long]: 1, query: '{ __typename }' }],
  ['a query that is not a string', { query: { SECRET: long } }],
  ['variables that are a list', { query: '{ __typename }', variables: [long] }],
  ['variables that are a string', { query: '{ __typename }', variables: long }],
])('%s: the answer is short', async (_name, body) => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect((await response.text()).length).toBeLessThan(2 * KIB);
});

test('errors at run time are few too', async () => {
  const ids = names(30, 10).map((name) => `${name}: runs(last: 1, first: 1) { edges { cursor } }`);
  const text = await overHttp({ query: `{ ${ids.join(' ')} }` });
  expect(text.length).toBeLessThan(16 * KIB);
});

/** Resident memory of the process in bytes. */
const rssOf = async (pid: number): Promise<number> =>
  Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * KIB;

const flood = async (address: string, documents: readonly string[]): Promise<void> => {
  const left = [...documents];
  const send = async (): Promise<void> => {
    for (let query = left.pop(); query !== undefined; query = left.pop()) {
      const response = await fetch(`${address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 8 }, send));
};

test.each<[string, (salt: string) => string[]]>([
  ['300 invalid documents of 8 kB', (salt) => Array.from({ length: 300 }, (_, i) => unknownFields(`${salt}${i}x`))],
  [
    '1,000 valid documents of 490 fields',
    (salt) => Array.from({ length: 1000 }, (_, i) => `query ${salt}${i} { ${'__typename '.repeat(490)} }`),
  ],
  [
    '5,000 valid documents with different names, in two halves',
    (salt) =>
      Array.from(
        { length: 2500 },
        (_, i) => `query ${salt}${i} { runs(first: 1) { edges { node { id status name image } } } }`,
      ),
  ],
])(
  'the memory of the service stays flat after %s',
  async (_name, documents) => {
    await using redis = await startRedis();
    await using service = spawnService({ env: { REDIS_URL: redis.url, HOST: '127.0.0.1' } });
    const address = await service.address();
    const pid = service.child.pid ?? 0;
    // Warm-up: compiled code, the first generations of the heap, and full caches.
    await flood(address, documents('a'));
    const before = await rssOf(pid);
    await flood(address, documents('b'));
    expect(await rssOf(pid)).toBeLessThan(Math.min(before + 60 * MIB, 400 * MIB));
    expect(service.child.exitCode).toBeNull();
  },
  240_000,
);
