import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../src/domain/ids.ts';
import { openHttp, post, type TestApi } from '../../support/clients/http.ts';
import { createRun, line, PlainWriter } from '../../support/log.ts';

let api: TestApi;
let runId: RunId;
beforeAll(async () => {
  api = await openHttp();
  // 1001 events: seq 1 is StatusChanged, then lines in batches of 10.
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (let i = 0; i < 100; i += 1) await writer.lines(10);
  runId = writer.runId;
});
afterAll(() => api[Symbol.asyncDispose]());

const page = async (args: string, id: string = runId) => {
  const { data, errors } = await post(
    api.url,
    `query ($id: ID!) { run(id: $id) { logs${args} { startSeq endSeq hasPrevious hasNext
      events { __typename seq ... on LinesDropped { fromSeq count } } } } }`,
    { id },
  );
  if (errors) return errors[0]?.extensions;
  const { events, ...rest } = data.run.logs;
  return { ...rest, seqs: events.map((event: { seq: number }) => event.seq) };
};
const upTo = (from: number, to: number) => Array.from({ length: Math.max(to - from + 1, 0) }, (_, i) => from + i);

test.each<[string, number, number, boolean, boolean]>([
  ['', 1, 100, false, true],
  ['(first: 5)', 1, 5, false, true],
  ['(first: 5, after: 7)', 8, 12, true, true],
  ['(first: 5000)', 1, 1001, false, false],
  ['(after: 999)', 1000, 1001, true, false],
  ['(last: 3)', 999, 1001, true, false],
  ['(last: 3, before: 17)', 14, 16, true, true],
  ['(last: 30, before: 17)', 1, 16, false, true],
  ['(last: 5000)', 1, 1001, false, false],
  ['(last: 10, after: 995)', 996, 1001, true, false],
  ['(first: 10, after: 4, before: 9)', 5, 8, true, true],
  ['(last: 2, after: 4, before: 9)', 7, 8, true, true],
  ['(before: 4)', 1, 3, false, true],
])('logs%s is %i to %i', async (args, from, to, hasPrevious, hasNext) => {
  expect(await page(args)).toEqual({ startSeq: from, endSeq: to, hasPrevious, hasNext, seqs: upTo(from, to) });
});

test.each<[string, boolean, boolean]>([
  ['(after: 1001)', true, false],
  ['(after: 5000)', true, false],
  ['(first: 0)', false, true],
  ['(first: 0, after: 5)', true, true],
  ['(last: 0)', true, false],
  ['(last: 5, before: 1)', false, true],
  ['(after: 5, before: 6)', true, true],
  ['(last: 4, after: 5, before: 6)', true, true],
])('logs%s is empty', async (args, hasPrevious, hasNext) => {
  expect(await page(args)).toEqual({ startSeq: null, endSeq: null, hasPrevious, hasNext, seqs: [] });
});

test.each([
  ['(first: 1, last: 1)', 'last'],
  ['(first: 5001)', 'first'],
  ['(first: -1)', 'first'],
  ['(last: 5001)', 'last'],
  ['(after: -1)', 'after'],
  ['(before: -1)', 'before'],
  ['(filter: { types: ["X"] })', 'filter.types.0'],
])('logs%s is BAD_USER_INPUT', async (args, argument) => {
  expect(await page(args)).toMatchObject({ code: 'BAD_USER_INPUT', argument, problems: [{ argument }] });
});

test('a filter reads on until enough events pass, and the seqs say how far it read', async () => {
  expect(await page('(first: 3, filter: { contains: "LINE 50", types: ["LogLine"] })')).toEqual({
    startSeq: 1,
    endSeq: 501,
    hasPrevious: false,
    hasNext: true,
    seqs: [50, 500, 501],
  });
  expect(await page('(last: 2, filter: { contains: "line 5", types: ["LogLine"] })')).toEqual({
    startSeq: 598,
    endSeq: 1001,
    hasPrevious: true,
    hasNext: false,
    seqs: [598, 599],
  });
});

test('a page whose filter passes nothing says how far it read', async () => {
  expect(await page('(first: 2, filter: { contains: "nothing" })')).toEqual({
    startSeq: 1,
    endSeq: 1001,
    hasPrevious: false,
    hasNext: false,
    seqs: [],
  });
  expect(await page('(last: 2, filter: { types: ["GroupStarted"] })')).toMatchObject({
    startSeq: 1,
    endSeq: 1001,
    seqs: [],
  });
});

test('a dropped middle is one event, clipped at both ends, and no page loses it', async () => {
  const id = await createRun(api.redis, { maxLogBytes: 10_000 });
  const writer = await new PlainWriter(api.redis, id).claim();
  for (let i = 0; i < 40; i += 1) await writer.lines(10, 'x'.repeat(100));
  const { data } = await post(
    api.url,
    'query ($id: ID!) { run(id: $id) { logs(first: 5000) { startSeq endSeq events { __typename seq ... on LinesDropped { fromSeq count reason } } } } }',
    { id },
  );
  const dropped = data.run.logs.events.find((event: { __typename: string }) => event.__typename === 'LinesDropped');
  expect(dropped.count).toBe(dropped.seq - dropped.fromSeq + 1);
  expect(data.run.logs).toMatchObject({ startSeq: 1, endSeq: 401 });
  const inside = dropped.fromSeq + 10;
  expect(await page(`(first: 1, after: ${inside - 1})`, id)).toMatchObject({
    startSeq: inside,
    endSeq: dropped.seq,
    seqs: [dropped.seq],
  });
  expect(await page(`(last: 1, before: ${inside})`, id)).toMatchObject({
    startSeq: dropped.fromSeq,
    endSeq: inside - 1,
    seqs: [inside - 1],
  });
  expect(await page(`(first: 1, after: ${inside - 1}, filter: { types: ["RunFinished"] })`, id)).toMatchObject({
    seqs: [dropped.seq],
  });
});

test('one request reads a bounded number of events, and the rest of it is refused', async () => {
  const aliases = upTo(1, 25).map((i) => `r${i}: run(id: $id) { logs(first: 1000) { events { seq } } }`);
  const { data, errors } = await post(api.url, `query ($id: ID!) { ${aliases.join(' ')} }`, { id: runId });
  expect(errors?.every(({ extensions }) => extensions.code === 'LIMIT_EXCEEDED')).toBe(true);
  expect(errors).toHaveLength(5);
  expect(data.r1.logs.events).toHaveLength(1000);
  expect(data.r25).toEqual({ logs: null });
});

test('a page of very long lines is shorter than asked, and continuing from endSeq misses nothing', async () => {
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  for (let i = 0; i < 40; i += 1) await writer.append(upTo(1, 8).map(() => line('ü'.repeat(65_000))));
  const seqs: number[] = [];
  let pages = 0;
  for (let after = 0, more = true; more; pages += 1) {
    const next = await page(`(first: 5000, after: ${after})`, writer.runId);
    seqs.push(...next.seqs);
    after = next.endSeq;
    more = next.hasNext;
  }
  expect(pages).toBeGreaterThan(1);
  expect(seqs).toEqual(upTo(1, 321));
});
