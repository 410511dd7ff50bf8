/** Subscription.runLogSearch over a real server and a real Redis. */
import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { client, followers, openHttp, operate, post, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { exampleCode } from '../../support/documents.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';
import { until } from '../../support/runs/runs.ts';

let api: TestApi;
let ws: Client;
beforeAll(async () => {
  api = await openHttp();
  ws = client(api.url);
});
afterAll(async () => {
  await ws?.dispose();
  await api?.[Symbol.asyncDispose]();
});

interface Progress {
  readonly hits: readonly { readonly event: { readonly seq: number } }[];
  readonly found: number;
  readonly scannedTo: number;
  readonly done: boolean;
}
const DOCUMENT = `subscription ($id: ID!, $query: LogQuery!, $after: Int, $limit: Int, $live: Boolean) {
  runLogSearch(runId: $id, query: $query, after: $after, limit: $limit, live: $live) {
    hits { event { seq } } found scannedTo done } }`;
const ask = (id: RunId, more: object = {}) => operate(ws, DOCUMENT, { id, query: { text: 'x' }, ...more });
const progressOf = ({ results }: Awaited<ReturnType<typeof ask>>): readonly Progress[] =>
  results.map(({ data }) => data.runLogSearch);
const seqs = (all: readonly Progress[]) => all.flatMap(({ hits }) => hits.map(({ event }) => event.seq));
const written = async (...texts: readonly string[]): Promise<PlainWriter> => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (const text of texts) await writer.append([line(text)]);
  return writer;
};

test('gives the hits of a run that goes on, and completes when its history is searched', async () => {
  const { runId } = await written('x 1', 'y', 'x 2');
  const outcome = await ask(runId);
  expect(outcome.completed).toBe(true);
  expect(seqs(progressOf(outcome))).toEqual([2, 4]);
  expect(progressOf(outcome).at(-1)).toMatchObject({ found: 2, scannedTo: 4, done: true });
});

test('the search of the documentation', async () => {
  const { runId } = await written('Timeout after 17 ms', 'timeout after some ms');
  const { results } = await operate(ws, exampleCode('search-follow'), { id: runId });
  expect(results.at(-1).data.runLogSearch).toMatchObject({ found: 1, done: true });
});

test('Q4: with live it goes on with later lines, without a gap or a repeat, and completes after RunFinished', async () => {
  const writer = await written('x 1', 'y');
  const outcome = ask(writer.runId, { live: true });
  await until(
    () => followers(api.redis, writer.runId),
    (count) => count === 1,
  );
  await writer.append([line('x 2'), line('z')]);
  await writer.append([line('x 3')]);
  await writer.append([finished()]);
  const all = progressOf(await outcome);
  expect(seqs(all)).toEqual([2, 4, 6]);
  expect(all.at(-1)).toMatchObject({ found: 3, scannedTo: 7, done: true });
  expect(api.hub.feeds).toBe(0);
});

test('Q4a: completes after limit hits, and can be resumed from scannedTo', async () => {
  const { runId } = await written('x', 'x', 'y', 'x');
  const first = progressOf(await ask(runId, { limit: 2 }));
  expect(first.at(-1)).toMatchObject({ found: 2, scannedTo: 3, done: false });
  const second = progressOf(await ask(runId, { after: first.at(-1)?.scannedTo }));
  expect(seqs(second)).toEqual([5]);
});

test('of a finished run it completes, also from its end; beyond that it is BAD_USER_INPUT', async () => {
  const writer = await written('x');
  await writer.append([finished()]);
  for (const live of [false, true]) {
    expect(progressOf(await ask(writer.runId, { live, after: 3 }))).toEqual([
      { hits: [], found: 0, scannedTo: 3, done: true },
    ]);
    expect((await ask(writer.runId, { live, after: 4 })).errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      argument: 'after',
    });
  }
});

test('a wrong pattern and an unknown run are refused', async () => {
  const { runId } = await written('x');
  const wrong = await ask(runId, { query: { text: '(', regex: true } });
  expect(wrong.errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', argument: 'query.text' });
  const unknown = await ask('0199d3c0-0000-7000-8000-000000000000' as RunId);
  expect(unknown.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
});

test('Q7: a client that leaves frees its search', async () => {
  const writer = await written('x');
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe('a', DOCUMENT, { id: writer.runId, query: {}, live: true });
  await socket.until(({ type }) => type === 'next');
  await until(
    () => Promise.resolve(api.hub.feeds),
    (count) => count === 1,
  );
  socket.send({ id: 'a', type: 'complete' });
  await until(
    () => Promise.resolve(api.hub.feeds),
    (count) => count === 0,
  );
  expect(api.searches.turns.callers).toBe(0);
});

test('Q4b: deleting the run ends a live search with NOT_FOUND', async () => {
  const writer = await written('x');
  const outcome = ask(writer.runId, { live: true });
  await until(
    () => followers(api.redis, writer.runId),
    (count) => count === 1,
  );
  await api.redis.del(...(await api.redis.keys(`run:{${writer.runId}}*`)));
  expect((await outcome).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  const { errors } = await post(api.url, '{ viewer { tenant } }');
  expect(errors).toBeUndefined();
});
