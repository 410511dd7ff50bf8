/** Run.search over a real server and a real Redis, compared with a naive scan of log.ndjson. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EventDraft } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import type { LogQuery } from '../../../src/domain/logQuery.ts';
import { withoutAnsi } from '../../../src/domain/text/ansi.ts';
import { type Answer, openHttp, post, type TestApi } from '../../support/clients/http.ts';
import { exampleCode } from '../../support/documents.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openHttp();
});
afterAll(() => api?.[Symbol.asyncDispose]());

interface Hit {
  readonly event: { readonly seq: number; readonly message: string };
  readonly ranges: readonly { readonly start: number; readonly end: number }[];
  readonly before: readonly { readonly seq: number }[];
  readonly after: readonly { readonly seq: number }[];
}
interface Page {
  readonly hits: readonly Hit[];
  readonly scannedFrom: number;
  readonly scannedTo: number;
  readonly done: boolean;
}
const DOCUMENT = `query ($id: ID!, $query: LogQuery!, $first: Int, $after: Int, $last: Int, $before: Int, $context: Int) {
  run(id: $id) { search(query: $query, first: $first, after: $after, last: $last, before: $before, context: $context) {
    scannedFrom scannedTo done
    hits { event { seq message } ranges { start end } before { seq } after { seq } } } } }`;
const ask = (id: RunId, query: LogQuery, more: object = {}): Promise<Answer> =>
  post(api.url, DOCUMENT, { id, query, ...more });
const search = async (id: RunId, query: LogQuery, more: object = {}): Promise<Page> => {
  const { data, errors } = await ask(id, query, more);
  expect(errors).toBeUndefined();
  return data.run.search;
};
const messages = ({ hits }: Page) => hits.map(({ event }) => event.message);
const matched = ({ hits }: Page) =>
  hits.map(({ event, ranges }) => ranges.map(({ start, end }) => event.message.slice(start, end)));

/** A run with one entry for each list. */
const logOf = async (entries: readonly (readonly EventDraft[])[], ends = true): Promise<RunId> => {
  const id = await createRun(api.redis);
  const writer = await new PlainWriter(api.redis, id).claim();
  for (const drafts of entries) await writer.append(drafts);
  if (ends) await writer.append([finished()]);
  return id;
};
const lines = (...texts: string[]) => texts.map(line);

test('finds a text in any case, with its place, and says that nothing is left', async () => {
  const id = await logOf([lines('one', 'Two TWO two', 'three')]);
  const page = await search(id, { text: 'two' });
  expect(page).toMatchObject({ scannedFrom: 1, scannedTo: 5, done: true });
  expect(messages(page)).toEqual(['Two TWO two']);
  expect(matched(page)).toEqual([['Two', 'TWO', 'two']]);
  expect(messages(await search(id, { text: 'two', caseSensitive: true, exclude: 'TWO' }))).toEqual([]);
});

test('Q2: a colour inside of a word does not hide it, and belongs to the range', async () => {
  const red = '\u001b[31merr\u001b[0mor here';
  const id = await logOf([
    lines(red, 'plain error'),
    [{ ...line(`${red} "quoted"`), level: 'ERROR', stream: 'LOGGER' } as EventDraft],
  ]);
  const page = await search(id, { text: 'ERROR' });
  expect(matched(page)).toEqual([['err\u001b[0mor'], ['error'], ['err\u001b[0mor']]);
  expect(matched(await search(id, { text: 'er+or', regex: true }))).toEqual(matched(page));
  expect(messages(await search(id, { text: 'here "q' }))).toHaveLength(1);
});

test('Q2a: letters whose case changes their length are found at their place', async () => {
  const id = await logOf([lines('İİ Kelvin K ſtraße', 'STRAẞE')]);
  expect(matched(await search(id, { text: 'kelvin k' }))).toEqual([['Kelvin K']]);
  expect(matched(await search(id, { text: 'straße' }))).toEqual([['ſtraße'], ['STRAẞE']]);
  expect(matched(await search(id, { text: 'STRAẞE', regex: true }))).toEqual([['ſtraße'], ['STRAẞE']]);
  expect(messages(await search(id, { text: 'strasse' }))).toEqual([]);
});

test('Q3: goes on from scannedTo in both directions, and gives the next and the previous hit', async () => {
  const id = await logOf([lines('a 1', 'b', 'a 2'), lines('a 3', 'c', 'a 4')]);
  const next = await search(id, { text: 'a' }, { first: 1, after: 2 });
  expect(messages(next)).toEqual(['a 2']);
  expect(next).toMatchObject({ scannedFrom: 3, scannedTo: 4, done: false });
  const previous = await search(id, { text: 'a' }, { last: 1, before: 5 });
  expect(messages(previous)).toEqual(['a 2']);
  expect(previous).toMatchObject({ scannedFrom: 4, scannedTo: 4, done: false });
  expect(messages(await search(id, { text: 'a' }, { last: 3 }))).toEqual(['a 2', 'a 3', 'a 4']);
  expect(await search(id, { text: 'a' }, { last: 3, before: 2 })).toMatchObject({ hits: [], done: true });
});

test('the next and the previous hit of the documentation', async () => {
  const id = await logOf([lines(...Array.from({ length: 4300 }, (_, i) => (i % 100 === 0 ? 'a timeout' : '-')))]);
  const { data, errors } = await post(api.url, exampleCode('search-next'), { id });
  expect(errors).toBeUndefined();
  expect(data.run.next.hits[0]).toMatchObject({ event: { seq: 4202 }, ranges: [{ start: 2, end: 9 }] });
  expect(data.run.previous.hits[0].event.seq).toBe(4102);
});

test('gives the events around a hit, over the borders of entries', async () => {
  const id = await logOf([lines('1', '2'), lines('x'), lines('3', '4')]);
  const { hits } = await search(id, { text: 'x' }, { context: 2 });
  expect(hits[0]?.before.map(({ seq }) => seq)).toEqual([2, 3]);
  expect(hits[0]?.after.map(({ seq }) => seq)).toEqual([5, 6]);
});

test('Q8: a wrong regular expression is BAD_USER_INPUT with its argument, also one that is too large', async () => {
  const id = await logOf([lines('1')]);
  for (const text of [
    '(',
    'a**',
    '\\1',
    '(?=a)',
    '[z-a]',
    '((a{1000}){1000})',
    `(?:${'abc'.repeat(300)}){1000}`,
    'a\\',
  ]) {
    const { errors } = await ask(id, { text, regex: true });
    expect(errors?.[0]?.extensions, text).toMatchObject({ code: 'BAD_USER_INPUT', argument: 'query.text' });
  }
});

test('Q7: a request that is given up ends its search, and the next one of the caller has its turn', async () => {
  const entry = Array.from({ length: 2000 }, (_, i) => line(`${'a'.repeat(200)} ${i}`));
  const id = await logOf(Array.from({ length: 40 }, () => entry));
  const { pool, turns } = api.searches;
  const scan = pool.scan.bind(pool);
  const gate = Promise.withResolvers<void>();
  const scans = vi.spyOn(pool, 'scan').mockImplementation((task) => gate.promise.then(() => scan(task)));
  const leaving = new AbortController();
  const given = fetch(`${api.url}/graphql`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' }, signal: leaving.signal },
    body: JSON.stringify({ query: DOCUMENT, variables: { id, query: { text: 'nowhere' } } }),
  });
  await vi.waitFor(() => expect(scans).toHaveBeenCalledTimes(1), 15_000);
  leaving.abort();
  await expect(given).rejects.toThrow();
  // When this is answered, the service has noticed that the other connection is closed.
  await post(api.url, '{ viewer { tenant } }');
  gate.resolve();
  await vi.waitFor(() => expect(turns.callers).toBe(0), 15_000);
  // The log has five pages.
  expect(scans.mock.calls.length).toBeLessThanOrEqual(2);
  scans.mockRestore();
  expect(messages(await search(id, { text: ' 1999' }, { first: 1 }))).toHaveLength(1);
});

// ------------------------------------------------------------------ against a naive scan

const WORDS = [
  'error',
  'Error',
  'ERR',
  'ſun',
  'K',
  'İ',
  'ß',
  'ẞ',
  'тест',
  'ТЕСТ',
  '日本',
  '😀',
  '"q"',
  '\\n',
  'a',
  'aa',
  ' ',
  '\t',
];
const ANSI = ['\u001b[31m', '\u001b[0m', '\u001b]8;;http://x\u0007', '\u001b(B', '\u009b1m'];
const text = fc.array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...WORDS) }, fc.constantFrom(...ANSI)), {
  maxLength: 8,
});
const message = text.map((parts) => parts.join(''));
const draft: fc.Arbitrary<EventDraft> = fc.oneof(
  { weight: 6, arbitrary: message.map(line) },
  message.map((one): EventDraft => ({ ...line(one), stream: 'STDERR' }) as EventDraft),
  fc
    .record({ message, level: fc.constantFrom('DEBUG', 'WARNING', 'ERROR'), logger: fc.constantFrom('db', 'web') })
    .map((one) => ({ ...line(''), ...one, stream: 'LOGGER', fields: { error: 'in a field' } }) as EventDraft),
  fc.constant<EventDraft>({ kind: 'GroupStarted', timestamp: 1, name: 'error' }),
  fc.constant<EventDraft>({ kind: 'CustomEvent', timestamp: 1, name: 'error', data: { message: 'error' } }),
);
const query: fc.Arbitrary<LogQuery> = fc.record(
  {
    text: fc.oneof(
      fc.constantFrom(...WORDS),
      fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS)).map((two) => two.join('')),
    ),
    exclude: fc.constantFrom(...WORDS),
    caseSensitive: fc.boolean(),
    minLevel: fc.constantFrom('INFO', 'ERROR'),
    levels: fc.constantFrom(['INFO' as const, 'ERROR' as const], ['DEBUG' as const]),
    streams: fc.constantFrom(['STDOUT' as const], ['LOGGER' as const, 'STDERR' as const]),
    logger: fc.constant('db'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<LogQuery>;

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];
/** JavaScript's own case folding, one character at a time. */
const contains = (haystack: string, needle: string, caseSensitive: boolean): boolean =>
  new RegExp(needle.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), caseSensitive ? 'u' : 'iu').test(haystack);
const matches = (event: Readonly<Record<string, string>>, query: LogQuery): boolean => {
  const { text, exclude, caseSensitive, minLevel, levels, streams, logger } = query;
  if (event.__typename !== 'LogLine') return false;
  const shown = withoutAnsi(event.message ?? '');
  if (text && !contains(shown, text, caseSensitive === true)) return false;
  if (exclude && contains(shown, exclude, caseSensitive === true)) return false;
  if (minLevel && LEVELS.indexOf(event.level ?? '') < LEVELS.indexOf(minLevel)) return false;
  if (levels?.length && !levels.some((level) => level === event.level)) return false;
  if (streams?.length && !streams.some((stream) => stream === event.stream)) return false;
  return !logger || event.logger === logger;
};

test('Q1: finds what a naive scan of log.ndjson finds, page by page, forward and backward', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(draft, { minLength: 1, maxLength: 12 }), { maxLength: 5 }),
      fc.array(query, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      async (entries, queries, size) => {
        const id = await logOf(entries);
        const all = (await (await fetch(`${api.url}/runs/${id}/log.ndjson`)).text())
          .trimEnd()
          .split('\n')
          .map((one) => JSON.parse(one));
        for (const one of queries) {
          const expected = all.filter((event) => matches(event, one)).map(({ seq }) => seq);
          const forward: number[] = [];
          for (let after = 0, done = false; !done; ) {
            const page = await search(id, one, { first: size, after });
            forward.push(...page.hits.map(({ event }) => event.seq));
            ({ scannedTo: after, done } = page);
          }
          const backward: number[] = [];
          for (let before = 2 ** 31 - 1, done = false; !done; ) {
            const page = await search(id, one, { last: size, before });
            backward.unshift(...page.hits.map(({ event }) => event.seq));
            ({ scannedTo: before, done } = page);
          }
          expect({ one, forward, backward }).toEqual({ one, forward: expected, backward: expected });
        }
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
