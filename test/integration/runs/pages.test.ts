import { afterAll, beforeAll, expect, test } from 'vitest';
import { Unavailable } from '../../../src/domain/errors.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { runsIndex } from '../../../src/runs/records/indexKeys.ts';
import { type RunPageRequest, Scan } from '../../../src/runs/records/runs.ts';
import { logKey, recordKey } from '../../../src/wire/keys.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openApi, specOf } from '../../support/runs/runs.ts';

const COUNT = 450;
let server: TestRedis;
let api: Api;
/** Newest first, like the pages. */
let ids: RunId[] = [];

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server);
  for (let i = 0; i < COUNT; i += 1) {
    const labels = [{ name: 'third', value: String(i % 3) }];
    ids.push((await api.runs.start({ spec: specOf({ labels }), idempotencyKey: null })).id);
  }
  ids = ids.reverse();
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
});

/** A page, and whether there are runs before and after it. */
const pageOf = async (request: RunPageRequest, scan = new Scan(new AbortController().signal)) => {
  const page = await api.runs.page(request, scan);
  return { runs: page.runs, hasNext: await page.hasNext(), hasPrevious: await page.hasPrevious() };
};

test('walks all runs, newest first, in pages of any size', async () => {
  for (const size of [7, 200, 500]) {
    const seen: RunId[] = [];
    for (let after: RunId | undefined; ; after = seen.at(-1)) {
      const page = await pageOf({ first: size, filter: {}, ...(after ? { after } : {}) });
      expect(page.hasPrevious).toBe(after !== undefined);
      seen.push(...page.runs.map((run) => run.id));
      expect(page.hasNext).toBe(seen.length < COUNT);
      if (!page.hasNext) break;
    }
    expect(seen).toEqual(ids);
  }
});

test('walks backward from the oldest, each page newest first', async () => {
  const seen: RunId[] = [];
  for (let before: RunId | undefined; ; before = seen[0]) {
    const page = await pageOf({ last: 100, filter: {}, ...(before ? { before } : {}) });
    expect(page.hasNext).toBe(before !== undefined);
    seen.unshift(...page.runs.map((run) => run.id));
    expect(page.hasPrevious).toBe(seen.length < COUNT);
    if (!page.hasPrevious) break;
  }
  expect(seen).toEqual(ids);
});

test('a filter finds its runs across the borders of chunks', async () => {
  const filter = { labels: [{ name: 'third', value: '1' }] };
  const first = await pageOf({ first: 100, filter });
  expect(first).toMatchObject({ hasNext: true, hasPrevious: false });
  const after = first.runs.at(-1)?.id;
  const second = await pageOf({ first: 100, filter, ...(after ? { after } : {}) });
  expect(second).toMatchObject({ hasNext: false, hasPrevious: true });
  expect(first.runs).toHaveLength(100);
  expect(second.runs).toHaveLength(50);
  expect(await pageOf({ first: 5, filter: { status: ['FAILED'] } })).toEqual({
    runs: [],
    hasNext: false,
    hasPrevious: false,
  });
});

test('a page between two cursors knows whether there are runs beyond both', async () => {
  const [after, before] = [ids[9], ids[20]];
  if (after === undefined || before === undefined) throw new Error('too few runs');
  const all = await pageOf({ first: 50, after, before, filter: {} });
  expect(all.runs.map((run) => run.id)).toEqual(ids.slice(10, 20));
  expect(all).toMatchObject({ hasNext: true, hasPrevious: true });
  const last = await pageOf({ last: 3, after, before, filter: {} });
  expect(last.runs.map((run) => run.id)).toEqual(ids.slice(17, 20));
});

test('runs past their retention are skipped and leave the index', async () => {
  const gone = ids[3];
  if (gone === undefined) throw new Error('too few runs');
  await api.redis.del(recordKey(gone), logKey(gone));
  const page = await pageOf({ first: 5, filter: {} });
  expect(page.runs.map((run) => run.id)).toEqual([0, 1, 2, 4, 5].map((i) => ids[i]));
  expect(await api.redis.zscore(runsIndex('default'), gone)).toBeNull();
  expect(await api.runs.getMany(ids.slice(2, 5))).toMatchObject([{ id: ids[2] }, null, { id: ids[4] }]);
});

test('while Redis is away, a read fails within seconds', async () => {
  process.kill(server.pid, 'SIGSTOP');
  try {
    await expect(api.runs.get(ids[0] as RunId)).rejects.toThrow(Unavailable);
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  expect(await api.runs.get(ids[0] as RunId)).not.toBeNull();
}, 15_000);
