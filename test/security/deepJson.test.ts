/** Deeply nested JSON is refused before it is parsed, wherever the service accepts JSON. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, type TestApi } from '../support/clients/http.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const inObjects = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const START = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { input } } }';

const send = async (body: string) => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, answer: await response.json() };
};

test.each([
  ['lists as variables, 800 kB', `{"query":"{ __typename }","variables":{"a":${deep(400_000)}}}`],
  ['objects as variables', `{"query":"{ __typename }","variables":${inObjects(100_000)}}`],
  ['lists as extensions', `{"query":"{ __typename }","extensions":{"a":${deep(1000)}}}`],
  ['a body of only brackets', '['.repeat(900_000)],
  [
    'an input of startRun',
    `{"query":${JSON.stringify(START)},"variables":{"input":{"command":["a"],"input":${deep(200)}}}}`,
  ],
])('%s: refused with LIMIT_EXCEEDED', async (_name, body) => {
  const { status, answer } = await send(body);
  expect(status).toBe(400);
  expect(answer).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
});

test.each(['variables', 'extensions'])('the parameter %s of a GET is refused in the same way', async (name) => {
  const response = await fetch(
    `${api.url}/graphql?query={__typename}&${name}=${encodeURIComponent(`{"a":${deep(500)}}`)}`,
  );
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'LIMIT_EXCEEDED' } }] });
});

test('an input of 100 levels, the most that startRun accepts, is accepted', async () => {
  const input = JSON.parse(deep(100)) as unknown;
  const { answer } = await send(JSON.stringify({ query: START, variables: { input: { command: ['true'], input } } }));
  expect(answer).toEqual({ data: { startRun: { run: { input } } } });
});

test('a body with names like __proto__ is treated like any other', async () => {
  const { answer } = await send('{"query":"{ __typename }","__proto__":{"a":1},"constructor":1}');
  expect(answer).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] });
});
