import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventDraft } from '../../../src/domain/events.ts';
import { openHttp, post, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, PlainWriter } from '../../support/log.ts';

/** 2026-01-02T03:04:05.006Z */
const INSTANT = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const record = (message: string, more: Partial<EventDraft> = {}): EventDraft =>
  ({ kind: 'LogLine', timestamp: INSTANT, level: 'INFO', stream: 'LOGGER', message, ...more }) as EventDraft;
const plain = (message: string): EventDraft => record(message, { stream: 'STDOUT' } as Partial<EventDraft>);

/** Seq 1 is StatusChanged. */
const LOG: readonly EventDraft[] = [
  plain('one'),
  plain('\u001b[31mtwo\u001b[0m <b>ü</b>'),
  record('three', { level: 'ERROR', logger: 'db' } as Partial<EventDraft>),
  record('hidden', { stream: 'SYSTEM', level: 'WARNING' } as Partial<EventDraft>),
  { kind: 'GroupStarted', timestamp: INSTANT, name: 'group' },
  plain('four'),
  plain('five'),
  record('six', { level: 'WARNING', logger: 'web' } as Partial<EventDraft>),
  { ...finished(), timestamp: INSTANT },
];

let api: TestApi;
let id: string;
beforeAll(async () => {
  api = await openHttp();
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (const draft of LOG) await writer.append([draft]);
  id = writer.runId;
});
afterAll(() => api[Symbol.asyncDispose]());

const get = (query: string, file = 'log.txt', init: RequestInit = {}) =>
  fetch(`${api.url}/runs/${id}/${file}?${query}`, init);
const text = async (query: string): Promise<string> => {
  const response = await get(query);
  expect([query, response.status]).toEqual([query, 200]);
  return (await response.text()).replaceAll('\u001b[31mtwo\u001b[0m <b>ü</b>', '2').replaceAll('\n', ' ').trim();
};
const seqs = async (query: string): Promise<number[]> => {
  const body = await (await get(query, 'log.ndjson')).text();
  return body.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).seq as number]));
};

test.each([
  ['', 'one 2 three four five six'],
  ['after=3', 'three four five six'],
  ['before=4', 'one 2'],
  ['after=2&before=8', '2 three four'],
  ['before=1', ''],
  ['tail=0', ''],
  ['tail=2', 'five six'],
  ['tail=5', '2 three four five six'],
  ['tail=2147483647', 'one 2 three four five six'],
  ['tail=2&before=8', 'three four'],
  ['tail=1&after=7', 'five six'],
  ['attempt=1', 'one 2 three four five six'],
  ['attempt=2', ''],
  ['minLevel=WARNING', 'three six'],
  ['levels=ERROR', 'three'],
  ['levels=ERROR,WARNING&tail=1', 'six'],
  ['levels=', 'one 2 three four five six'],
  ['streams=STDOUT', 'one 2 four five'],
  ['streams=LOGGER,SYSTEM', 'three six'],
  ['logger=db', 'three'],
  ['contains=TWO', '2'],
  ['contains=t&tail=1', 'three'],
  ['contains=', 'one 2 three four five six'],
  ['exclude=e', '2 four six'],
  ['types=GroupStarted', ''],
  ['minLevel=INFO&contains=i&streams=STDOUT', 'five'],
])('D1: log.txt?%s has the lines that the parameters select', async (query, expected) => {
  expect(await text(query)).toBe(expected);
});

test.each([
  ['tail=2', [9, 10]],
  ['tail=2&types=LogLine', [8, 9]],
  ['types=GroupStarted,LogLine&after=4', [5, 6, 7, 8, 9]],
  ['minLevel=ERROR', [4, 10]],
  ['before=3', [1, 2]],
  ['timestamps=1&ansi=strip&before=3', [1, 2]],
])('D1: log.ndjson?%s has the events that the parameters select', async (query, expected) => {
  expect(await seqs(query)).toEqual(expected);
});

test('D1: a download selects what a filter of the API selects', async () => {
  for (const [query, filter] of [
    ['minLevel=WARNING', { minLevel: 'WARNING' }],
    ['contains=two', { contains: 'two' }],
    ['exclude=four&streams=STDOUT', { exclude: 'four', streams: ['STDOUT'] }],
    ['types=LogLine,GroupStarted&levels=INFO', { types: ['LogLine', 'GroupStarted'], levels: ['INFO'] }],
    ['attempt=1&logger=web', { attempt: 1, logger: 'web' }],
  ] as const) {
    const { data } = await post(
      api.url,
      'query ($id: ID!, $filter: LogFilter) { run(id: $id) { logs(filter: $filter) { events { seq } } } }',
      { id, filter },
    );
    expect([query, await seqs(query)]).toEqual([query, data.run.logs.events.map(({ seq }: { seq: number }) => seq)]);
  }
});

test('D2: timestamps=1 begins each line with its instant; ansi=strip removes escape sequences', async () => {
  expect(await (await get('timestamps=1&before=4&ansi=strip')).text()).toBe(
    '2026-01-02T03:04:05.006Z one\n2026-01-02T03:04:05.006Z two <b>ü</b>\n',
  );
  expect(await (await get('timestamps=0&ansi=keep&before=4')).text()).toBe('one\n\u001b[31mtwo\u001b[0m <b>ü</b>\n');
  const [line] = (await (await get('ansi=strip&after=2&before=4', 'log.ndjson')).text()).split('\n');
  expect(JSON.parse(line ?? '')).toMatchObject({ seq: 3, message: 'two <b>ü</b>' });
});

test('D3: log.txt is plain text with a charset, download=1 makes it an attachment; log.ndjson always is one', async () => {
  const head = async (query: string, file: string) => {
    const { headers } = await get(query, file, { method: 'HEAD' });
    return [headers.get('content-type'), headers.get('content-disposition')];
  };
  expect(await head('', 'log.txt')).toEqual(['text/plain; charset=utf-8', `inline; filename="${id}.log"`]);
  expect(await head('download=1', 'log.txt')).toEqual([
    'text/plain; charset=utf-8',
    `attachment; filename="${id}.log"`,
  ]);
  expect(await head('download=0', 'log.txt')).toEqual(['text/plain; charset=utf-8', `inline; filename="${id}.log"`]);
  const ndjson = ['application/x-ndjson; charset=utf-8', `attachment; filename="${id}.ndjson"`];
  expect(await head('', 'log.ndjson')).toEqual(ndjson);
  expect(await head('download=1', 'log.ndjson')).toEqual(ndjson);
});

test.each([
  'after=-1',
  'before=0',
  'before=x',
  'before=',
  'tail=-1',
  'tail=1.5',
  'attempt=0',
  'minLevel=LOUD',
  'minLevel=error',
  'minLevel=',
  'levels=ERROR;INFO',
  'levels=ERROR,',
  'streams=STDIN',
  'types=Nothing',
  `types=${'LogLine,'.repeat(200)}LogLine`,
  'ansi=1',
  'timestamps=yes',
  'download=true',
  `contains=${'x'.repeat(2000)}`,
  `logger=${'ü'.repeat(600)}`,
  `exclude=${'x'.repeat(2000)}`,
  'tail=1&tail=2',
  'constructor=1',
  '__proto__=1',
])('D4: %s is BAD_USER_INPUT and names the parameter', async (query) => {
  const [argument] = query.split('=');
  for (const file of ['log.txt', 'log.ndjson']) {
    const response = await get(query, file);
    const { errors } = (await response.json()) as { errors: { message: string; extensions: object }[] };
    expect([response.status, errors]).toMatchObject([
      400,
      [{ extensions: { code: 'BAD_USER_INPUT', argument, problems: [{ argument }] } }],
    ]);
    expect(errors[0]?.message.length).toBeLessThan(600);
  }
});

test('D4: all problems are reported together', async () => {
  const response = await get('after=x&tail=-1&minLevel=LOUD&color=1&download=2');
  const { errors } = (await response.json()) as { errors: { extensions: { problems: { argument: string }[] } }[] };
  expect(errors[0]?.extensions.problems.map(({ argument }) => argument)).toEqual([
    'color',
    'after',
    'tail',
    'minLevel',
    'download',
  ]);
});
