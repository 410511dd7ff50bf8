import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHttp, type TestApi } from '../../support/clients/http.ts';
import { createRun, finished, line, PlainWriter } from '../../support/log.ts';

const DIGEST = 'ab'.repeat(32);
let api: TestApi;
let id: string;
let open: string;
let whole: Buffer;
beforeAll(async () => {
  api = await openHttp();
  const writer = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  // Several marks of the size's index, characters of several bytes, and batches of one and of many lines.
  for (let batch = 0; batch < 40; batch += 1) await writer.lines(1500, `ü€😀 ${'x'.repeat(60)}`);
  await writer.append([line('the last')]);
  await writer.append([{ ...finished(), digest: DIGEST } as ReturnType<typeof finished>]);
  id = writer.runId;
  const other = await new PlainWriter(api.redis, await createRun(api.redis)).claim();
  await other.lines(10);
  open = other.runId;
  whole = Buffer.from(await (await fetch(`${api.url}/runs/${id}/log.txt`)).arrayBuffer());
}, 30_000);
afterAll(() => api[Symbol.asyncDispose]());

const get = async (headers: Record<string, string>, query = '', run = id, method = 'GET') => {
  const response = await fetch(`${api.url}/runs/${run}/log.txt${query}`, { headers, method });
  const body = Buffer.from(await response.arrayBuffer());
  const of = (name: string) => response.headers.get(name);
  return { status: response.status, body, range: of('content-range'), etag: of('etag'), accepts: of('accept-ranges') };
};

test('D5: a range of bytes of a finished log is exactly these bytes', async () => {
  const { length } = whole;
  expect(length).toBeGreaterThan(4_000_000);
  for (const [range, first, last] of [
    ['bytes=0-0', 0, 0],
    ['bytes=0-99', 0, 99],
    ['bytes=5-6', 5, 6],
    [`bytes=${length - 1}-`, length - 1, length - 1],
    [`bytes=${length - 3_000_000}-`, length - 3_000_000, length - 1],
    ['bytes=-1', length - 1, length - 1],
    ['bytes=-100', length - 100, length - 1],
    [`bytes=-${length * 2}`, 0, length - 1],
    [`bytes=1048576-2097151`, 1_048_576, 2_097_151],
    [`bytes=10-${length * 10}`, 10, length - 1],
    ['BYTES=3-4', 3, 4],
  ] as const) {
    const answer = await get({ range });
    expect([range, answer.status, answer.range]).toEqual([range, 206, `bytes ${first}-${last}/${length}`]);
    expect(answer.body.equals(whole.subarray(first, last + 1)), range).toBe(true);
    expect([answer.etag, answer.accepts]).toEqual([`"${DIGEST}"`, 'bytes']);
  }
});

test('D5: a download that was cut goes on where it stopped, if the log is the same (If-Range)', async () => {
  const range = 'bytes=1000000-';
  const same = await get({ range, 'if-range': `"${DIGEST}"` });
  expect([same.status, same.body.length]).toEqual([206, whole.length - 1_000_000]);
  for (const other of ['"other"', `W/"${DIGEST}"`, 'Sat, 28 Nov 2026 00:00:00 GMT']) {
    const answer = await get({ range, 'if-range': other });
    expect([other, answer.status, answer.body.length]).toEqual([other, 200, whole.length]);
  }
});

test('D5: a range beyond the end is 416 with the size; a header that is not one range is ignored', async () => {
  for (const range of [`bytes=${whole.length}-`, 'bytes=99999999999999-', 'bytes=-0']) {
    const answer = await get({ range });
    expect([range, answer.status, answer.range]).toEqual([range, 416, `bytes */${whole.length}`]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', argument: 'Range' } }],
    });
  }
  for (const range of ['bytes=5-4', 'bytes=-', 'bytes=0-1,4-5', 'lines=0-1', 'bytes=a-b', 'bytes 0-1']) {
    expect([range, (await get({ range })).status]).toEqual([range, 200]);
  }
});

test('D5a: the ETag of a finished log is its digest, and a client that has it gets 304', async () => {
  expect((await get({})).etag).toBe(`"${DIGEST}"`);
  for (const known of [`"${DIGEST}"`, `W/"${DIGEST}"`, `"other", "${DIGEST}"`]) {
    const answer = await get({ 'if-none-match': known });
    expect([known, answer.status, answer.body.length]).toEqual([known, 304, 0]);
  }
  const head = await get({ range: 'bytes=0-1' }, '', id, 'HEAD');
  expect([head.status, head.accepts, head.etag]).toEqual([200, 'bytes', `"${DIGEST}"`]);
});

test('D5b: a run that goes on, and a download with parameters, have no ranges', async () => {
  for (const [query, run] of [
    ['', open],
    ['?after=5', id],
    ['?tail=5', id],
    ['?before=9', id],
    ['?ansi=strip', id],
    ['?timestamps=1', id],
    ['?minLevel=INFO', id],
  ] as const) {
    const answer = await get({ range: 'bytes=0-1' }, query, run);
    expect([query, answer.status, answer.accepts, answer.etag]).toEqual([query, 200, 'none', null]);
    expect(answer.body.length).toBeGreaterThan(2);
  }
  expect((await get({ range: 'bytes=0-1' }, '?download=1')).status).toBe(206);
});
