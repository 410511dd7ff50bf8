/** Run.input: strings in literals need quotes, and numbers keep their digits, on every way in and out. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/domain/events.ts';
import { parseExactJson } from '../../../src/domain/text/exactJson.ts';
import { openHttp, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

/** The answer as text: parsing it would change the numbers. */
const text = async (query: string, variables = '{}', accept = 'application/json'): Promise<string> => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  return await response.text();
};
const overSocket = async (query: string, variables = '{}'): Promise<string> => {
  await using socket = await new RawSocket(api.url).ready();
  const texts: string[] = [];
  socket.socket.on('message', (bytes) => texts.push(String(bytes)));
  socket.send(`{"id":"1","type":"subscribe","payload":{"query":${JSON.stringify(query)},"variables":${variables}}}`);
  await socket.until(({ type }) => type === 'complete' || type === 'error');
  return texts.join('\n');
};
const overGet = async (query: string, variables = '{}', accept = 'application/json'): Promise<string> => {
  const parameters = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}`;
  return await (await fetch(`${api.url}/graphql?${parameters}`, { headers: { accept } })).text();
};

const NUMBERS = '{"id":1234567890123456789,"list":[-0,1.0,1E5,1e400,-9223372036854775808,0.10],"plain":[1,1.5,"1.0"]}';
const NUMBERS_LITERAL = NUMBERS.replaceAll(/"(id|list|plain)":/g, '$1:');
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id input } } }';
const idOf = (answer: string): string => /"id":"([^"]+)"/.exec(answer)?.[1] ?? expect.fail(answer);

test('numbers of an input are returned with the same digits, on every way in and out, and in a retry', async () => {
  const asLiteral = `mutation { startRun(input: { command: ["true"], input: ${NUMBERS_LITERAL} }) { run { id input } } }`;
  const withVariable =
    'mutation ($v: JSON, $n: Int) { startRun(input: { command: ["true"], input: { v: $v, n: $n } }) { run { id input } } }';
  const answers = [
    await text(START, `{"input":{"command":["true"],"input":${NUMBERS}}}`),
    await text(START, `{"input":{"command":["true"],"input":${NUMBERS}}}`, 'text/event-stream'),
    await overSocket(START, `{"input":{"command":["true"],"input":${NUMBERS}}}`),
    await text(asLiteral),
    await overSocket(asLiteral),
    await text(withVariable, `{"v":${NUMBERS},"n":1.0}`),
    await overSocket(withVariable, `{"v":${NUMBERS},"n":1.0}`),
  ];
  const shown = answers.map(
    (answer) => answer.includes(`"input":${NUMBERS}`) || answer.includes(`"v":${NUMBERS},"n":1}`),
  );
  expect([shown, answers]).toEqual([answers.map(() => true), answers]);
  const id = idOf(answers[0] ?? '');
  const query = 'query ($id: ID!) { run(id: $id) { input } }';
  for (const send of [text, overGet, overSocket]) {
    expect(await send(query, JSON.stringify({ id }))).toContain(`"input":${NUMBERS}`);
  }
  const retry = 'mutation ($id: ID!) { retryRun(input: { runId: $id }) { run { id input } } }';
  expect(await text(retry, JSON.stringify({ id }))).toContain(`"input":${NUMBERS}`);
  expect(await overSocket('subscription ($id: ID!) { runUpdated(runId: $id) { input } }', '{"id":"x"}')).toContain(
    'NOT_FOUND',
  );
});

test('an idempotency key distinguishes inputs by all their digits', async () => {
  const send = (id: string) =>
    text(START, `{"input":{"command":["true"],"idempotencyKey":"digits","input":{"id":${id}}}}`);
  const first = idOf(await send('1234567890123456789'));
  expect(idOf(await send('1234567890123456789'))).toBe(first);
  expect(await send('1234567890123456788')).toContain('CONFLICT');
});

test('numbers reported by a command keep their digits in pages, subscriptions, downloads and the record', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  const value = parseExactJson(NUMBERS) as JsonObject;
  await writer.append([
    { ...line('m'), level: 'ERROR', stream: 'LOGGER', fields: value } as never,
    { kind: 'OutputProduced', timestamp: 1, value },
    { kind: 'CustomEvent', timestamp: 1, name: 'n', data: value },
    finished(),
  ]);
  await api.redis.hset(`run:{${writer.runId}}`, 'output', NUMBERS);
  const events = '... on LogLine { fields } ... on OutputProduced { value } ... on CustomEvent { data }';
  const variables = JSON.stringify({ id: writer.runId });
  const page = `query ($id: ID!) { run(id: $id) { output logs { events { ${events} } } } }`;
  const lines = `subscription ($id: ID!) { runLogs(runId: $id) { ${events} } }`;
  const batches = `subscription ($id: ID!) { runLogBatches(runId: $id) { events { ${events} } } }`;
  const answers = [
    await text(page, variables),
    await overSocket(page, variables),
    await text(lines, variables, 'text/event-stream'),
    await overSocket(lines, variables),
    await overGet(batches, variables, 'text/event-stream'),
    await overSocket(batches, variables),
    await (await fetch(`${api.url}/runs/${writer.runId}/log.ndjson`)).text(),
  ];
  for (const answer of answers) {
    for (const name of ['fields', 'value', 'data']) expect(answer).toContain(`"${name}":${NUMBERS}`);
  }
  expect(answers[0]).toContain(`"output":${NUMBERS}`);
});

test('an Int accepts 1.0 and 1E1, and a number that its type cannot hold is refused', async () => {
  const start = (input: string) => text(START, `{"input":{"command":["true"],${input}}}`);
  const run = async (input: string) => {
    const id = idOf(await start(input));
    return await text(`{ run(id: "${id}") { timeoutSeconds maxAttempts resources { cpus } } }`);
  };
  expect(await run('"timeoutSeconds":1E1,"retry":{"maxAttempts":2.0},"resources":{"cpus":1.50}')).toContain(
    '{"timeoutSeconds":10,"maxAttempts":2,"resources":{"cpus":1.5}}',
  );
  for (const wrong of ['"timeoutSeconds":1e400', '"timeoutSeconds":1234567890123456789', '"resources":{"cpus":1e400}'])
    expect(await start(wrong)).toMatch(/"argument":"input\.(timeoutSeconds|resources\.cpus)"/);
  for (const send of [text, overSocket, overGet]) {
    expect(await send('query ($n: Int) { runs(first: $n) { pageInfo { hasNextPage } } }', '{"n":1.0}')).toContain(
      '"hasNextPage":',
    );
    expect(await send('query ($id: ID!) { run(id: $id) { id } }', '{"id":1234567890123456789}')).toContain(
      '"run":null',
    );
  }
});

test('an id that is given as a number keeps its digits', async () => {
  const query = 'mutation ($id: ID!) { startRun(input: { command: ["true"], input: { id: $id } }) { run { input } } }';
  for (const send of [text, overSocket]) {
    expect(await send(query, '{"id":1234567890123456789}')).toMatch(/"input":\{"id":"?1234567890123456789"?\}/);
  }
});

test.each([
  ['{ mode: fast }', ['input.input.mode']],
  ['[fast]', ['input.input.0']],
  ['fast', ['input.input']],
  ['{ a: [1, { b: x, c: "y", d: [TRUE] }] }', ['input.input.a.1.b', 'input.input.a.1.d.0']],
])('the literal %s is refused: a string in it has no quotes', async (literal, expected) => {
  const query = `mutation { startRun(input: { command: ["true"], input: ${literal} }) { run { id } } }`;
  const over = [await text(query), await overSocket(query)];
  for (const answer of over) {
    const [json] = /\{"message.*\}\]?/.exec(answer) ?? [];
    expect(json).toContain('A string must be in quotes');
    for (const argument of expected) expect(answer).toContain(`"argument":"${argument}"`);
  }
  const withDefault = `mutation ($v: JSON = ${literal}) { startRun(input: { command: ["true"], input: $v }) { run { id } } }`;
  expect(await text(withDefault)).toContain('A string must be in quotes');
});

test.each([
  ['{ a: $x, b: [$x, $none], c: $none, d: { e: $x } }', '{"a":[1.0],"b":[[1.0],null],"d":{"e":[1.0]}}'],
  ['{ __proto__: { a: 1 }, constructor: 2 }', '{"__proto__":{"a":1},"constructor":2}'],
  ['{ a: """block "text" """, b: true, c: null, d: "\\u00fc" }', '{"a":"block \\"text\\" ","b":true,"c":null,"d":"ü"}'],
  ['$x', '[1.0]'],
  ['[]', '[]'],
  ['null', 'null'],
])('the literal %s is %s', async (literal, expected) => {
  const uses = ['x', 'none'].filter((name) => literal.includes(`$${name}`)).map((name) => `$${name}: JSON`);
  const head = uses.length > 0 ? `(${uses.join(', ')})` : '';
  const query = `mutation ${head} { startRun(input: { command: ["true"], input: ${literal} }) { run { input } } }`;
  expect(await text(query, '{"x":[1.0]}')).toContain(`"input":${expected}`);
  expect(await overSocket(query, '{"x":[1.0]}')).toContain(`"input":${expected}`);
});

test('a duplicate member, and an undeclared variable, are refused', async () => {
  for (const literal of ['{ a: 1, a: 2 }', '{ a: { b: 1, b: 1 } }', '{ a: $nobody }', '[$nobody]']) {
    const query = `mutation { startRun(input: { command: ["true"], input: ${literal} }) { run { id } } }`;
    expect(await text(query)).toContain('GRAPHQL_VALIDATION_FAILED');
  }
});

test('members of variables keep any name', async () => {
  const input = '{"__proto__":{"x":1.0},"constructor":1,"rawJSON":"1.0","2":"b"}';
  const shown = '{"2":"b","__proto__":{"x":1.0},"constructor":1,"rawJSON":"1.0"}';
  const variables = `{"input":{"command":["true"],"input":${input}}}`;
  expect(await text(START, variables)).toContain(`"input":${shown}`);
  expect(await overSocket(START, variables)).toContain(`"input":${shown}`);
});
