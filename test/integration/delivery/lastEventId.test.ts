/** Server-sent events that can be resumed: ids, Last-Event-ID, and 204 if nothing follows. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventReader, type EventRequest, seqsOf } from '../../support/clients/eventStream.ts';
import { openHttp, rawHttp, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';
import { removeRun } from '../../support/runs/runs.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

/** Seqs 1 (StatusChanged), 2 to 11 (lines), 12 (a record), and 13 (RunFinished) if `end` is true. */
const newLog = async (end = true): Promise<PlainWriter> => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.lines(10);
  await writer.append([{ ...line('a record'), level: 'ERROR' } as ReturnType<typeof line>]);
  if (end) await writer.append([finished()]);
  return writer;
};

const FIELDS: readonly (readonly [name: string, selection: string, idsFollow: boolean])[] = [
  ['runLogs', 'runLogs(runId: $id, after: $after) { seq }', true],
  ['an alias', 'mine: runLogs(runId: $id, after: $after) { __typename }', true],
  ['other fields', 'runLogs(runId: $id, after: $after) { ... on LogLine { message level } }', true],
  ['an inline after', 'runLogs(runId: $id, after: 2) { seq }', true],
  ['a directive that is not compiled', 'runLogs(runId: $id, after: $after) { seq @include(if: true) runId }', true],
  ['runLogBatches', 'runLogBatches(runId: $id, after: $after, maxBatch: 4) { events { seq } lastSeq }', false],
  ['an alias of batches', 'b: runLogBatches(runId: $id, after: $after, maxBatch: 3) { caughtUp }', false],
];
const document = (selection: string): string =>
  `subscription ($id: ID!${selection.includes('$after') ? ', $after: Int = 0' : ''}) { ${selection} }`;

const read = async (request: EventRequest): Promise<EventReader> => {
  const reader = new EventReader(api.port, request);
  await reader.until(({ events }) => events.at(-1)?.event === 'complete');
  await reader[Symbol.asyncDispose]();
  return reader;
};
const status = async (query: string, id: string, lastEventId: string, method = 'GET'): Promise<string> => {
  const variables = { id };
  const body = method === 'GET' ? '' : JSON.stringify({ query, variables });
  const parameters = `?query=${encodeURIComponent(query)}&variables=${encodeURIComponent(JSON.stringify(variables))}`;
  return await rawHttp(
    api.port,
    `${method} /graphql${method === 'GET' ? parameters : ''} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/event-stream\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nLast-Event-ID: ${lastEventId}\r\n\r\n${body}`,
  );
};

test.each(FIELDS)(
  'S8, S8a: %s: each event has its id, and Last-Event-ID resumes after it, over GET and POST',
  async (_name, selection, each) => {
    const { runId } = await newLog();
    const query = document(selection);
    const from = selection.includes('after: 2') ? 3 : 1;
    for (const method of ['GET', 'POST'] as const) {
      const whole = await read({ query, variables: { id: runId }, method });
      const ids = whole.ids.slice(0, -1).map(Number);
      expect(ids.at(-1)).toBe(13);
      if (each) expect(ids).toEqual(Array.from({ length: 14 - from }, (_, i) => from + i));
      expect(whole.ids.at(-1)).toBe('13');
      for (const [index, id] of ids.entries()) {
        if (id === 13) continue;
        // Last-Event-ID wins over the argument `after`.
        const headers = [`Last-Event-ID: ${id}`];
        const rest = await read({ query, variables: { id: runId, after: 5 }, method, headers });
        if (each) expect(rest.events).toEqual(whole.events.slice(index + 1));
        expect(rest.ids.map(Number).every((later) => later > id)).toBe(true);
      }
      expect(await status(query, runId, '13', method)).toMatch(/^HTTP\/1.1 204 /);
    }
  },
);

test('a reader of an unfinished run waits, whatever its position, and gets the end', async () => {
  const writer = await newLog(false);
  const query = document('runLogs(runId: $id) { seq }');
  await using reader = new EventReader(api.port, {
    query,
    variables: { id: writer.runId },
    headers: ['Last-Event-ID: 12'],
  });
  await reader.until(({ comments }) => comments > 0);
  await writer.append([finished()]);
  expect(await reader.ended).toBe('whole');
  expect([seqsOf(reader), reader.ids]).toEqual([[13], ['13', '13']]);
});

test('S8b: if a filter hides the end of a run, a reader after the end still gets 204', async () => {
  const { runId } = await newLog();
  for (const field of [
    'runLogs(runId: $id, filter: $f) { seq }',
    'runLogBatches(runId: $id, filter: $f) { events { seq } }',
  ]) {
    const query = `subscription ($id: ID!, $f: LogFilter) { ${field} }`;
    const reader = await read({ query, variables: { id: runId, f: { types: ['StatusChanged'] } } });
    expect(reader.ids.at(-1)).toBe('13');
    expect(await status(query, runId, '13')).toMatch(/^HTTP\/1.1 204 /);
  }
});

test('S8d: a Last-Event-ID that is not valid gets 400, so that EventSource does not ask again', async () => {
  const { runId } = await newLog();
  const query = document('runLogs(runId: $id) { seq }');
  for (const id of ['x', '-1', '1.5', '1e3', '99999999999', '2147483648', '1, 2', '1 2', 'ende']) {
    for (const method of ['GET', 'POST']) {
      const answer = await status(query, runId, id, method);
      expect([id, answer.slice(9, 12)]).toEqual([id, '400']);
      expect(answer).toContain('"argument":"Last-Event-ID"');
    }
  }
  expect(seqsOf(await read({ query, variables: { id: runId }, headers: ['Last-Event-ID:'] }))).toHaveLength(13);
});

test('S8c: an answer without a position ends with an id that gets 204: other subscriptions, queries, refusals', async () => {
  const { runId } = await newLog();
  await api.redis.hset(`run:{${runId}}`, 'status', 'COMPLETED');
  for (const [query, id] of [
    ['subscription ($id: ID!) { runUpdated(runId: $id) { id status } }', runId],
    ['query ($id: ID!) { run(id: $id) { status } }', runId],
    [document('runLogs(runId: $id) { seq }'), '00000000-0000-7000-8000-000000000000'],
    [document('runLogs(runId: $id, after: 99) { seq }'), runId],
    ['subscription { nothing }', runId],
    ['subscription {', runId],
  ] as const) {
    const reader = await read({ query, variables: { id } });
    expect([query, reader.ids]).toEqual([query, [...reader.ids.slice(0, -1).map(() => null), 'end']]);
    expect(await status(query, id, 'end')).toMatch(/^HTTP\/1.1 204 /);
  }
});

test('the stream of a run that is removed meanwhile ends with an id that gets 204', async () => {
  const writer = await newLog(false);
  await using reader = new EventReader(api.port, {
    query: document('runLogs(runId: $id) { seq }'),
    variables: { id: writer.runId },
  });
  await reader.until((self) => seqsOf(self).includes(12));
  await removeRun(api.redis, writer.runId);
  expect(await reader.ended).toBe('whole');
  expect(reader.ids.slice(-2)).toEqual([null, 'end']);
});

test('a temporary error has no such id: EventSource comes back with its position', async () => {
  const failing = await openHttp({
    hub: { open: () => Promise.reject(new Error('unexpected')) },
  });
  const reader = new EventReader(failing.port, {
    query: document('runLogs(runId: $id) { seq }'),
    variables: { id: 'x' },
  });
  await reader.until(({ events }) => events.at(-1)?.event === 'complete');
  // An id that is not valid is a final error.
  expect(reader.ids).toEqual([null, 'end']);
  const id = await createRun(failing.redis);
  await using other = new EventReader(failing.port, {
    query: document('runLogs(runId: $id) { seq }'),
    variables: { id },
  });
  await other.until(({ events }) => events.at(-1)?.event === 'complete');
  expect(other.ids).toEqual([null, null]);
  await reader[Symbol.asyncDispose]();
  await failing[Symbol.asyncDispose]();
});
