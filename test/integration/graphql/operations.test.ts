import { afterAll, beforeAll, expect, test } from 'vitest';
import { client, openHttp, operate, post, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

test('startRun returns the run with its defaults, and every way to read it finds the same run', async () => {
  const started = await post(
    api.url,
    `mutation ($input: StartRunInput!) { startRun(input: $input) { run { id status image command labels { name value } attempt
      maxAttempts input output resources { cpus memoryMb } lines bytes dropped lastSeq createdAt durationMs } } }`,
    { input: { command: ['echo', 'x'], input: { a: [1, null] }, labels: [{ name: 'team', value: 'a' }] } },
  );
  expect(started.errors).toBeUndefined();
  const { run } = started.data.startRun;
  expect(run).toMatchObject({
    status: 'PENDING',
    image: 'process',
    command: ['echo', 'x'],
    input: { a: [1, null] },
    output: null,
    labels: [{ name: 'team', value: 'a' }],
    attempt: 1,
    maxAttempts: 1,
    resources: { cpus: 1, memoryMb: 1024 },
    lastSeq: 1,
    durationMs: null,
  });
  expect(run.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const read = await post(
    api.url,
    `query ($id: ID!) { run(id: $id) { id } node(id: $id) { __typename id }
      runs(first: 1, filter: { labels: [{ name: "team", value: "a" }] }) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    { id: run.id },
  );
  expect(read.data).toEqual({
    run: { id: run.id },
    node: { __typename: 'Run', id: run.id },
    runs: {
      edges: [{ cursor: run.id, node: { id: run.id } }],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: run.id, endCursor: run.id },
    },
  });
});

test('a run that does not exist is null in queries and NOT_FOUND elsewhere, on HTTP and on WebSocket', async () => {
  const ws = client(api.url);
  for (const id of ['00000000-0000-7000-8000-000000000000', 'no id', '']) {
    const read = await post(api.url, 'query ($id: ID!) { run(id: $id) { id } node(id: $id) { id } }', { id });
    expect(read.data).toEqual({ run: null, node: null });
    for (const field of [
      'cancelRun(input: { runId: $id }) { run { id } }',
      'retryRun(input: { runId: $id }) { run { id } }',
    ]) {
      const refused = await post(api.url, `mutation ($id: ID!) { ${field} }`, { id });
      expect(refused.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    }
    const deleted = await post(api.url, 'mutation ($id: ID!) { deleteRun(input: { runId: $id }) { deletedRunId } }', {
      id,
    });
    expect(deleted.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    for (const field of [
      'runLogs(runId: $id) { seq }',
      'runLogBatches(runId: $id) { lastSeq }',
      'runUpdated(runId: $id) { id }',
    ]) {
      const outcome = await operate(ws, `subscription ($id: ID!) { ${field} }`, { id });
      expect(outcome).toMatchObject({ results: [], errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    }
  }
  await ws.dispose();
});

test('S1, S1a: both log subscriptions deliver every event once and complete right after RunFinished', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.lines(1200);
  const ws = client(api.url);
  const single = operate(ws, 'subscription ($id: ID!) { runLogs(runId: $id) { __typename seq runId } }', {
    id: writer.runId,
  });
  const batches = operate(
    ws,
    'subscription ($id: ID!) { runLogBatches(runId: $id, maxBatch: 100) { runId lastSeq caughtUp events { seq } } }',
    { id: writer.runId },
  );
  await writer.lines(10);
  await writer.append([finished()]);
  const all = Array.from({ length: 1212 }, (_, i) => i + 1);
  const one = await single;
  expect(one.completed).toBe(true);
  expect(one.results.map(({ data }) => data.runLogs.seq)).toEqual(all);
  expect(one.results.at(-1).data.runLogs).toEqual({ __typename: 'RunFinished', seq: 1212, runId: writer.runId });
  const many = await batches;
  expect(many.completed).toBe(true);
  const list = many.results.map(({ data }) => data.runLogBatches);
  expect(list.flatMap((batch) => batch.events.map((event: { seq: number }) => event.seq))).toEqual(all);
  expect(Math.max(...list.map((batch) => batch.events.length))).toBe(100);
  expect(list.every((batch) => batch.lastSeq === batch.events.at(-1)?.seq)).toBe(true);
  expect(list.at(-1).caughtUp).toBe(true);
  expect(list[0].caughtUp).toBe(false);
  await ws.dispose();
});
