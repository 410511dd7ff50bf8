/** All problems of an input are reported at once, by path, in literals and in variables, on every transport. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, openHttp, operate, type TestApi } from '../../support/clients/http.ts';
import { createRun } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Told {
  readonly message: string;
  readonly extensions: {
    readonly code: string;
    readonly argument?: string;
    readonly problems?: readonly { readonly argument: string; readonly message: string }[];
  };
}

/** The errors of the operation, which must be the same on each transport. */
const errorsOf = async (query: string, variables: Record<string, unknown> = {}): Promise<readonly Told[]> => {
  const send = async (accept: string) => {
    const response = await fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query, variables }),
    });
    return await response.text();
  };
  const events = /^data: (\{.*\})$/m.exec(await send('text/event-stream'))?.[1] ?? '{}';
  const http = query.startsWith('subscription') ? events : await send('application/json');
  const ws = client(api.url);
  const { errors, results } = await operate(ws, query, variables);
  await ws.dispose();
  const told = (list: readonly Told[]) => list.map(({ message, extensions }) => ({ message, extensions }));
  const all = [JSON.parse(http).errors, JSON.parse(events).errors, errors ?? results[0]?.errors].map(told);
  expect(all[1]).toEqual(all[0]);
  expect(all[2]).toEqual(all[0]);
  return all[0] ?? [];
};
const problemsOf = async (query: string, variables?: Record<string, unknown>): Promise<Record<string, string>> => {
  const [error, ...more] = await errorsOf(query, variables);
  expect(more).toEqual([]);
  const { code, argument, problems = [] } = error?.extensions ?? { code: '' };
  expect([code, argument]).toEqual(['BAD_USER_INPUT', problems[0]?.argument]);
  expect(error?.message.startsWith(problems[0]?.message ?? '?')).toBe(true);
  return Object.fromEntries(problems.map((problem) => [problem.argument, problem.message]));
};

const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id } } }';
/** Writes the value as a GraphQL literal. */
const literal = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, member]) => `${name}: ${literal(member)}`)
    .join(', ')} }`;
};
const both = async (input: Record<string, unknown>): Promise<Record<string, string>> => {
  const variable = await problemsOf(START, { input });
  expect(await problemsOf(`mutation { startRun(input: ${literal(input)}) { run { id } } }`)).toEqual(variable);
  return variable;
};

test('all invalid values are reported', async () => {
  const found = await both({
    command: ['a\u0000'],
    env: [
      { name: 'A B', value: '' },
      { name: 'OK', value: '' },
      { name: 'OK', value: '' },
    ],
    labels: [{ name: '', value: '' }],
    timeoutSeconds: -1,
    retry: { maxAttempts: 99 },
  });
  expect(found).toEqual({
    'input.command.0': 'command[0]: Must not contain a NUL character.',
    'input.env.0.name': 'env[0].name: Use only letters, digits and _, and do not begin with a digit.',
    'input.env.2.name': 'env[2].name: This name is used twice. Use each name once.',
    'input.labels.0.name': 'labels[0].name: The name of a label must not be empty.',
    'input.timeoutSeconds': 'timeoutSeconds: Must be between 1 and 2592000.',
    'input.retry.maxAttempts': 'retry.maxAttempts: Must be between 1 and 10.',
  });
});

test('invalid values, values of the wrong type and misspelt names are all reported together', async () => {
  const found = await both({
    comand: ['true'],
    timeoutSeconds: 'soon',
    env: [{ nam: 'A', value: 1 }, 'x', { name: '1', value: null }],
    labels: 5,
    resources: { cpus: 'many', memoryMB: 64 },
    retry: { maxAttempts: 99, backoffSeconds: 1.5 },
    nothingLikeIt: 1,
  });
  expect(found).toEqual({
    'input.comand': 'comand: Unknown field. Did you mean "command"?',
    'input.timeoutSeconds': 'timeoutSeconds: Must be a whole number of 32 bits.',
    'input.env.0.nam': 'env[0].nam: Unknown field. Did you mean "name"?',
    'input.env.0.value': 'env[0].value: Must be a string.',
    'input.env.0.name': 'env[0].name: This field is required.',
    'input.env.1': 'env[1]: Must be an object (EnvVarInput).',
    'input.env.2.value': 'env[2].value: Must not be null.',
    'input.env.2.name': 'env[2].name: Use only letters, digits and _, and do not begin with a digit.',
    'input.labels': 'labels: Must be an object (LabelInput).',
    'input.resources.cpus': 'resources.cpus: Must be a number.',
    'input.resources.memoryMB': 'resources.memoryMB: Unknown field. Did you mean "memoryMb"?',
    'input.retry.backoffSeconds': 'retry.backoffSeconds: Must be a whole number of 32 bits.',
    'input.retry.maxAttempts': 'retry.maxAttempts: Must be between 1 and 10.',
    'input.nothingLikeIt': 'nothingLikeIt: Unknown field.',
    'input.command': 'command: This field is required.',
  });
});

test('a single problem is the message, several are counted in it, and the list is bounded', async () => {
  const [one] = await errorsOf(START, { input: { command: [] } });
  expect(one?.message).toBe('command: Must not be empty: give the program to run.');
  const env = Array.from({ length: 400 }, () => ({ name: '1', value: '' }));
  const [many] = await errorsOf(START, { input: { command: ['a'], env } });
  expect(many?.extensions.problems).toHaveLength(50);
  expect(many?.message).toMatch(/^env\[0\]\.name: .* \(and 49 more: see extensions\.problems\)$/);
  const [wrong] = await errorsOf(START, { input: { command: Array.from({ length: 5000 }, () => 7) } });
  expect(wrong?.extensions.problems).toHaveLength(50);
});

test('the error for a string without quotes, and for an enum with quotes, says how to write it', async () => {
  const query = 'mutation { startRun(input: { command: [ls], name: x, env: [{ name: A, value: b }] }) { run { id } } }';
  expect(await problemsOf(query)).toEqual({
    'input.command.0': 'command[0]: Must be a string. Put it in quotes.',
    'input.name': 'name: Must be a string. Put it in quotes.',
    'input.env.0.name': 'env[0].name: Must be a string. Put it in quotes.',
    'input.env.0.value': 'env[0].value: Must be a string. Put it in quotes.',
  });
  const status = '{ runs(filter: { status: ["FAILED"] }) { edges { cursor } } }';
  expect(Object.values(await problemsOf(status))[0]).toMatch(/: Must be one of .*\. Write it without quotes\.$/);
});

test('the error for a variable inside a literal has the path of its position', async () => {
  const query = `mutation ($t: Int, $v: String!, $env: [EnvVarInput!]) {
    startRun(input: { command: ["a", $v], timeoutSeconds: $t, env: $env }) { run { id } } }`;
  const errors = await errorsOf(query, { t: 'x', v: 5, env: { nam: 1 } });
  expect(errors.map(({ extensions }) => extensions.problems?.map(({ argument }) => argument))).toEqual([
    ['input.timeoutSeconds'],
    ['input.command.1'],
    ['input.env.nam', 'input.env.name', 'input.env.value'],
  ]);
  expect(Object.keys(await problemsOf(query, {}))).toEqual(['input.command.1']);
});

test.each<[string, string, readonly string[]]>([
  [
    'runs',
    'query { runs(first: 1, last: 0, after: "x", before: "y") { edges { cursor } } }',
    ['last', 'after', 'before'],
  ],
  [
    'runs with a filter',
    'query { runs(filter: { statuses: [FAILED], labels: [{ name: 1 }] }) { edges { cursor } } }',
    ['filter.statuses', 'filter.labels.0.name', 'filter.labels.0.value'],
  ],
  [
    'an enum',
    'query { runs(filter: { status: [FAILD, "FAILED"] }) { edges { cursor } } }',
    ['filter.status.0', 'filter.status.1'],
  ],
  [
    'cancelRun',
    'mutation { cancelRun(input: { runID: "x", force: 1 }) { run { id } } }',
    ['input.runID', 'input.force', 'input.runId'],
  ],
  [
    'Run.logs',
    'query ($id: ID!) { run(id: $id) { logs(first: -1, after: -1, before: -1, filter: { attempt: 0, types: ["x"] }) { endSeq } } }',
    ['first', 'after', 'before', 'filter.types.0', 'filter.attempt'],
  ],
  [
    'runLogBatches',
    'subscription ($id: ID!) { runLogBatches(runId: $id, after: -1, tail: -1, maxBatch: 0, filter: { attempt: 0 }) { lastSeq } }',
    ['after', 'tail', 'maxBatch', 'filter.attempt'],
  ],
  [
    'runLogs with a filter',
    'subscription ($id: ID!) { runLogs(runId: $id, filter: { minlevel: INFO, levels: [info] }) { seq } }',
    ['filter.minlevel', 'filter.levels.0'],
  ],
])('all problems of %s are reported', async (_name, query, expected) => {
  const id = await createRun(api.redis);
  expect(Object.keys(await problemsOf(query, query.includes('$id') ? { id } : {}))).toEqual(expected);
});

test('an empty cursor, an empty operation name and null are treated as absent', async () => {
  const runs = 'query A { runs(first: 1, after: "", before: null) { edges { cursor } } }';
  const ask = async (init: RequestInit, path = '') => await (await fetch(`${api.url}/graphql${path}`, init)).json();
  const headers = { 'content-type': 'application/json' };
  for (const operationName of ['', null, undefined, 'A']) {
    const body = JSON.stringify({ query: runs, operationName });
    expect(await ask({ method: 'POST', headers, body })).toMatchObject({
      data: { runs: { edges: expect.any(Array) } },
    });
    const ws = client(api.url);
    const result = await new Promise((resolve, reject) => {
      const next = { next: resolve, error: reject, complete: () => undefined };
      ws.subscribe({ query: runs, ...(operationName === undefined ? {} : { operationName }) }, next);
    });
    expect(result).toMatchObject({ data: { runs: { edges: expect.any(Array) } } });
    await ws.dispose();
  }
  const get = `?operationName=&query=${encodeURIComponent(runs)}`;
  expect(await ask({ headers: { accept: 'application/json' } }, get)).toMatchObject({
    data: { runs: { edges: expect.any(Array) } },
  });
});
