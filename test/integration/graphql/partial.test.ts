/** If one root field fails, the other fields of the document are still answered, on every transport. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { client, openHttp, operate, post, type TestApi } from '../../support/clients/http.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly data: any;
  readonly errors?: readonly { readonly path: readonly unknown[]; readonly extensions: { readonly code: string } }[];
}

const overHttp = async (query: string): Promise<Answer> => {
  const { data, errors } = await post(api.url, query);
  return { data, ...(errors ? { errors: errors as Answer['errors'] & object } : {}) };
};
const overEvents = async (query: string): Promise<Answer> => {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query }),
  });
  return JSON.parse(/^data: (\{.*\})$/m.exec(await response.text())?.[1] ?? 'null');
};
const overSocket = async (query: string): Promise<Answer> => {
  const ws = client(api.url);
  const { results, completed } = await operate(ws, query);
  await ws.dispose();
  expect([results.length, completed]).toEqual([1, true]);
  return results[0];
};

const ID = '00000000-0000-7000-8000-000000000000';
const START = (alias: string) => `${alias}: startRun(input: { command: ["true"] }) { run { id } }`;
const failedAt = ({ errors }: Answer) => errors?.map(({ path, extensions }) => [path[0], extensions.code]);

describe.each([
  ['HTTP', overHttp],
  ['server-sent events', overEvents],
  ['WebSocket', overSocket],
] as const)('over %s', (_name, send) => {
  test('a run started by a mutation is returned, whatever else in the document failed', async () => {
    const answer = await send(`mutation {
      ${START('a')}
      b: cancelRun(input: { runId: "x" }) { run { id } }
      c: retryRun(input: { runId: "${ID}" }) { run { id } }
      d: deleteRun(input: { runId: "${ID}" }) { deletedRunId }
      e: startRun(input: { command: [] }) { run { id } }
      ${START('f')}
    }`);
    expect(answer.data).toMatchObject({ b: null, c: null, d: null, e: null });
    expect([answer.data.a.run.id, answer.data.f.run.id]).toEqual([expect.any(String), expect.any(String)]);
    expect(failedAt(answer)).toEqual([
      ['b', 'NOT_FOUND'],
      ['c', 'NOT_FOUND'],
      ['d', 'NOT_FOUND'],
      ['e', 'BAD_USER_INPUT'],
    ]);
  });

  test('many runs are cancelled in one document, and only those that do not exist fail', async () => {
    const { data } = await send(`mutation { ${START('a')} ${START('b')} }`);
    const ids: string[] = [data.a.run.id, ID, data.b.run.id];
    const parts = ids.map((id, i) => `r${i}: cancelRun(input: { runId: "${id}" }) { run { status } }`);
    const answer = await send(`mutation { ${parts.join(' ')} }`);
    expect(answer.data).toEqual({
      r0: { run: { status: 'CANCELLED' } },
      r1: null,
      r2: { run: { status: 'CANCELLED' } },
    });
    expect(failedAt(answer)).toEqual([['r1', 'NOT_FOUND']]);
  });

  test('if a list or a page fails, the other lists and the run are still answered', async () => {
    const { data } = await send(`mutation { ${START('a')} }`);
    const answer = await send(`{
      one: runs(first: 1) { edges { node { id logs(first: 99999) { endSeq } } } }
      two: runs(first: 9999) { edges { cursor } }
      run(id: "${data.a.run.id}") { id logs(last: 1) { endSeq } bad: logs(first: -1) { endSeq } }
    }`);
    expect(answer.data.one.edges).toEqual([{ node: { id: data.a.run.id, logs: null } }]);
    expect(answer.data.two).toBeNull();
    expect(answer.data.run).toMatchObject({ id: data.a.run.id, logs: { endSeq: 1 }, bad: null });
    expect(answer.errors).toHaveLength(3);
  });
});
