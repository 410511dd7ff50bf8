/** No error repeats a value that a client sent, wherever and however it was sent. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, RawSocket, type TestApi } from '../support/clients/http.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const SECRET = 'ECHO-SECRET';
/** The same, for places where a string would need quotes. */
const WORD = 'ECHO_SECRET';
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
const start = (input: string): string => `mutation { startRun(input: ${input}) { run { id } } }`;

const LITERALS: readonly string[] = [
  start(`{ comand: "${SECRET}" }`),
  start(`{ command: ["x"], env: [{ name: "A", valeu: "${SECRET}", secret: true }] }`),
  start(`{ command: ["x"], env: { value: "${SECRET}" } }`),
  start(`{ command: ["x"], env: "${SECRET}" }`),
  start(`{ command: ["x"], env: [{ name: "A", value: ${WORD}, secret: true }] }`),
  start(`{ command: ["x"], env: [{ name: "A", value: "x", secret: "${SECRET}" }] }`),
  start(`{ command: ["x"], env: [{ name: "1 ${SECRET}", value: "\\u0000${SECRET}" }] }`),
  start(`{ command: ["x"], timeoutSeconds: "${SECRET}", labels: [["${SECRET}"]] }`),
  start(`{ command: ["x"], input: { password: ${WORD} } }`),
  start(`{ command: ["x"], input: [${WORD}, "${SECRET}"] }`),
  start(`{ command: ["x"], image: "not an image ${SECRET}" }`),
  start(`"${SECRET}"`),
  start(`["${SECRET}"]`),
  start(`{ command: ["x"], env: [{ name: "A", name: "${SECRET}", value: "" }] }`),
  start(`{ command: ["x"] }, other: "${SECRET}"`),
  `mutation ($v: StartRunInput = { comand: "${SECRET}" }) { startRun(input: $v) { run { id } } }`,
  `mutation ($v: Int = "${SECRET}") { startRun(input: { command: ["x"], timeoutSeconds: $v }) { run { id } } }`,
  `{ runs(first: "${SECRET}") { edges { cursor } } }`,
  `{ runs(first: ${WORD}) { edges { cursor } } }`,
  `{ runs(after: "${SECRET}") { edges { cursor } } }`,
  `{ runs(filter: { status: ["${SECRET}"], labels: [{ nam: "${SECRET}" }] }) { edges { cursor } } }`,
  `{ run(id: { a: "${SECRET}" }) { id } }`,
  `{ run(id: "${SECRET}") { logs(filter: { types: ["${SECRET}"], contains: 5 }) { endSeq } } }`,
  `{ __typename @include(if: "${SECRET}") }`,
  `{ a: run(id: "${SECRET}") { id } a: run(id: "x${SECRET}") { id } }`,
  `subscription { runLogs(runId: "${SECRET}", filter: { types: ["${SECRET}"] }) { seq } }`,
  `subscription { runLogBatches(runId: "x", filter: { contain: "${SECRET}" }) { lastSeq } }`,
  `{ "${SECRET}" }`,
  `{ runs(after: "${SECRET}`,
  `{ runs(after: """${SECRET}`,
  `{ runs(after: "${SECRET}\\q") { edges { cursor } } }`,
  `{ runs(after: "a" "${SECRET}") { edges { cursor } } }`,
  `{ runs(first: 1${WORD}) { edges { cursor } } }`,
  `"${SECRET}" { __typename }`,
  `mutation { cancelRun(input: { runId: "${SECRET}", reason: "\\u0000${SECRET}" }) { run { id } } }`,
];
const VARIABLES: readonly unknown[] = [
  { comand: SECRET },
  { command: ['x'], env: [{ name: 'A', valeu: SECRET, secret: true }] },
  { command: ['x'], env: [{ name: 'A', value: { deep: SECRET } }] },
  { command: ['x'], env: [SECRET, [SECRET], { name: [SECRET] }] },
  { command: ['x'], env: [{ name: 'A', value: `${SECRET}\u0000`, secret: SECRET }] },
  { command: ['x'], timeoutSeconds: SECRET, resources: SECRET, retry: { maxAttempts: SECRET } },
  { command: ['x'], idempotencyKey: `${SECRET}`.repeat(40), name: SECRET.repeat(40) },
  { command: [], input: SECRET },
  SECRET,
  [SECRET],
];

const CASES = [
  ...LITERALS.map((query) => ({ query, variables: {} })),
  ...VARIABLES.map((input) => ({ query: START, variables: { input } })),
  { query: 'query ($id: ID!) { run(id: $id) { id } }', variables: { id: { SECRET } } },
  { query: 'query ($n: Int) { runs(first: $n) { edges { cursor } } }', variables: { n: SECRET } },
  { query: 'query ($f: RunFilter) { runs(filter: $f) { edges { cursor } } }', variables: { f: { status: [SECRET] } } },
];

const isSilent = (text: string, place: unknown): void => {
  expect(text, JSON.stringify(place)).toMatch(/"errors":|"type":"error"|"message":/);
  for (const secret of [SECRET, WORD]) expect(text, JSON.stringify(place)).not.toContain(secret);
};

test.each([
  ['POST', 'application/json'],
  ['POST', 'application/graphql-response+json'],
  ['POST', 'text/event-stream'],
  ['GET', 'application/json'],
])('no value is echoed: by %s with %s', async (method, accept) => {
  for (const { query, variables } of CASES) {
    const parameters = `?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(JSON.stringify(variables))}`;
    const post = {
      body: JSON.stringify({ query, variables }),
      headers: { 'content-type': 'application/json', accept },
    };
    const get = { headers: { accept } };
    const url = `${api.url}/graphql${method === 'GET' ? parameters : ''}`;
    const response = await fetch(url, { method, ...(method === 'GET' ? get : post) });
    if (response.status === 405 || response.status === 406) continue;
    isSilent(await response.text(), { query, variables });
  }
});

test('no value is echoed: over a WebSocket', async () => {
  await using socket = await new RawSocket(api.url).ready();
  for (const [index, { query, variables }] of CASES.entries()) {
    socket.subscribe(`n${index}`, query, variables);
    await socket.until(({ id, type }) => id === `n${index}` && type !== 'next');
    isSilent(JSON.stringify(socket.messages.filter(({ id }) => id === `n${index}`)), { query, variables });
  }
});

test('no value is echoed: in requests that are not GraphQL', async () => {
  const headers = { 'content-type': 'application/json' };
  const bodies = [
    `{"query": ${WORD}}`,
    `{"query": "${SECRET}`,
    `${SECRET}`,
    `"${SECRET}"`,
    `["${SECRET}"]`,
    `{"query": {"a": "${SECRET}"}}`,
    `{"query": "{ __typename }", "variables": "${SECRET}"}`,
    `{"query": "{ __typename }", "variables": ["${SECRET}"]}`,
    `{"query": "{ __typename }", "extensions": "${SECRET}"}`,
    `{"query": "{ __typename }", "operationName": {"a": "${SECRET}"}}`,
    `{"query": "query A { __typename } query B { __typename }", "operationName": "${SECRET}"}`,
  ];
  for (const body of bodies) {
    const response = await fetch(`${api.url}/graphql`, { method: 'POST', headers, body });
    const text = await response.text();
    if (response.status !== 200 || text.includes('errors')) isSilent(text, body);
  }
  for (const path of [
    `/graphql?query={__typename}&variables=${SECRET}`,
    `/graphql?query={__typename}&extensions={"a":${WORD}}`,
    `/runs/${SECRET}/log.txt`,
    `/runs/00000000-0000-7000-8000-000000000000/log.txt?after=${SECRET}`,
    `/${SECRET}`,
  ]) {
    isSilent(await (await fetch(`${api.url}${path}`, { headers: { accept: 'application/json' } })).text(), path);
  }
});

test('no value is echoed: in the log of the service', () => {
  expect(JSON.stringify(api.logged)).not.toContain('SECRET');
});
