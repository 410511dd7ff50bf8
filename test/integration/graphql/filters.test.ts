/**
 * Filters on lines select only lines, and tail counts the events that pass: in pages and both subscriptions, live and
 * stored.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDraft, LogLineDraft } from '../../../src/domain/events.ts';
import { client, openHttp, operate, post, RawSocket, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api[Symbol.asyncDispose]());

const more = (message: string, rest: Partial<LogLineDraft>): EventDraft =>
  ({ ...line(message), ...rest }) as EventDraft;
const error = (message: string) => more(message, { level: 'ERROR', stream: 'LOGGER', logger: 'db' });
const group: EventDraft = { kind: 'GroupStarted', timestamp: 1, name: 'g' };

/** Seq 1 is StatusChanged; then 20 times: a group, 3 plain lines, and an error with colour codes inside a word. */
const written = async (more: readonly EventDraft[] = []): Promise<string> => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (let i = 0; i < 20; i += 1) {
    await writer.append([
      group,
      line(`a ${i}`),
      line(`b ${i}`),
      line(`c ${i}`),
      error(`\u001b[31mfai\u001b[0mled ${i}`),
    ]);
  }
  if (more.length > 0) await writer.append(more);
  return writer.runId;
};

interface Seen {
  readonly __typename: string;
  readonly message?: string;
}
const shown = (events: readonly Seen[]) => events.map(({ __typename, message }) => message ?? __typename);
const FIELDS = '__typename seq ... on LogLine { message }';
const failures = (from: number, to = 19) =>
  Array.from({ length: to - from + 1 }, (_, i) => `\u001b[31mfai\u001b[0mled ${from + i}`);

/** The events that a subscription of a finished run delivers, the same by both fields. */
const told = async (id: string, args: string) => {
  const ws = client(api.url);
  const lines = await operate(ws, `subscription ($id: ID!) { it: runLogs(runId: $id, ${args}) { ${FIELDS} } }`, { id });
  const batches = await operate(
    ws,
    `subscription ($id: ID!) { it: runLogBatches(runId: $id, ${args}) { events { ${FIELDS} } } }`,
    { id },
  );
  await ws.dispose();
  expect([lines.completed, batches.completed]).toEqual([true, true]);
  const one = shown(lines.results.map(({ data }) => data.it));
  expect(shown(batches.results.flatMap(({ data }) => data.it.events))).toEqual(one);
  return one;
};
const page = async (id: string, args: string) => {
  const { data } = await post(api.url, `query ($id: ID!) { run(id: $id) { logs(${args}) { events { ${FIELDS} } } } }`, {
    id,
  });
  return shown(data.run.logs.events);
};

test.each([
  'contains: "FAILED"',
  'minLevel: WARNING',
  'levels: [ERROR, CRITICAL]',
  'streams: [LOGGER]',
  'logger: "db"',
  'exclude: " "',
  'levels: [ERROR], logger: "db", contains: "failed", streams: [LOGGER]',
])('a filter %s selects only lines, and the end still comes', async (filter) => {
  const id = await written([more('x y', { level: 'DEBUG' }), finished()]);
  const wanted = filter.startsWith('exclude') ? [] : failures(0);
  expect(await told(id, `filter: { ${filter} }`)).toEqual([...wanted, 'RunFinished']);
  expect(await page(id, `first: 1000, filter: { ${filter} }`)).toEqual([...wanted, 'RunFinished']);
  expect(await page(id, `last: 1000, filter: { ${filter} }`)).toEqual([...wanted, 'RunFinished']);
  if (wanted.length === 0) return;
  expect(await page(id, `first: 3, filter: { ${filter} }`)).toEqual(failures(0, 2));
  expect(await page(id, `last: 3, filter: { ${filter} }`)).toEqual(failures(17));
  expect(await told(id, `tail: 3, filter: { ${filter} }`)).toEqual([...failures(17), 'RunFinished']);
  expect(await told(id, `tail: 500, filter: { ${filter} }`)).toEqual([...wanted, 'RunFinished']);
  expect(await told(id, `tail: 0, filter: { ${filter} }`)).toEqual([]);
});

test('a filter with types selects those events, and its other fields apply to lines only', async () => {
  const id = await written([finished()]);
  const filter = 'filter: { types: ["LogLine", "GroupStarted"], levels: [ERROR] }';
  expect(await told(id, `tail: 4, ${filter}`)).toEqual([
    'GroupStarted',
    ...failures(18, 18),
    'GroupStarted',
    ...failures(19),
  ]);
  expect(await told(id, 'tail: 2, filter: { types: ["GroupStarted"] }')).toEqual(['GroupStarted', 'GroupStarted']);
  expect(await told(id, 'tail: 1, filter: { types: ["RunFinished"], contains: "x" }')).toEqual(['RunFinished']);
  expect(await page(id, 'last: 1, filter: { types: ["RunFinished"] }')).toEqual(['RunFinished']);
});

test('a tail counts plain lines that pass, within a batch and across batches', async () => {
  const id = await written([finished()]);
  expect(await told(id, 'tail: 4, filter: { streams: [STDOUT] }')).toEqual([
    'c 18',
    'a 19',
    'b 19',
    'c 19',
    'RunFinished',
  ]);
  expect(await told(id, 'tail: 2, filter: { contains: "B 1" }')).toEqual(['b 18', 'b 19', 'RunFinished']);
  expect(await told(id, 'tail: 2, after: 99, filter: { streams: [STDOUT] }')).toEqual(['c 19', 'RunFinished']);
});

test('in a run that goes on, the last errors come first, then live ones', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([error('old'), error('older than new'), ...Array.from({ length: 300 }, (_, i) => line(`${i}`))]);
  await using socket = await new RawSocket(api.url).ready();
  socket.subscribe(
    '1',
    'subscription ($id: ID!) { it: runLogs(runId: $id, tail: 1, filter: { minLevel: ERROR }) { __typename ... on LogLine { message } } }',
    { id: writer.runId },
  );
  const message = (text: string) =>
    socket.until(({ payload }) => JSON.stringify(payload)?.includes(`"${text}"`) ?? false);
  await message('older than new');
  await writer.append([line('no'), group, error('new')]);
  await message('new');
  await writer.append([finished()]);
  await message('RunFinished');
  expect(socket.messages.filter(({ type }) => type === 'next')).toHaveLength(3);
});

test('a tail that finds nothing reads a bounded part of a long log, and several at once take turns', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await writer.append([error('old')]);
  for (let i = 0; i < 30; i += 1)
    await writer.append(Array.from({ length: 5000 }, (_, n) => line(`${n} ${'x'.repeat(80)}`)));
  await writer.append([finished()]);
  const ids = Array.from({ length: 5 }, () => writer.runId);
  const found = await Promise.all(ids.map((id) => told(id, 'tail: 1, filter: { minLevel: ERROR }')));
  expect(found).toEqual(ids.map(() => ['old', 'RunFinished']));
  expect(await told(writer.runId, 'tail: 1, filter: { contains: "nowhere" }')).toEqual(['RunFinished']);
});

test('LinesDropped passes every filter, and a tail of a run that does not exist is NOT_FOUND', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis, { maxLogBytes: 1000 })).claim();
  for (let i = 0; i < 30; i += 1) await writer.append([line('x'.repeat(100))]);
  await writer.append([finished()]);
  expect(await told(writer.runId, 'filter: { contains: "no" }')).toEqual(['LinesDropped', 'RunFinished']);
  const ws = client(api.url);
  const query =
    'subscription { runLogs(runId: "00000000-0000-7000-8000-000000000000", tail: 1, filter: { contains: "a" }) { seq } }';
  expect(await operate(ws, query)).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
  await ws.dispose();
});
