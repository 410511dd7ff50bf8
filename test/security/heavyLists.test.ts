/**
 * The cost of a list depends on the selected fields, not on the size of its runs, and it does not slow down other
 * clients.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../src/domain/ids.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { fixedKey, recordKey } from '../../src/wire/keys.ts';
import { SMALL_FIELDS } from '../../src/wire/record/fixedFields.ts';
import { LABEL_MARKS } from '../../src/wire/runRecord.ts';
import { client, openHttp, operate, post, type TestApi } from '../support/clients/http.ts';
import { specOf } from '../support/runs/runs.ts';

const COUNT = 500;
const KIB = 1024;
let api: TestApi;
/** Newest first. */
let ids: RunId[] = [];

const heavy = specOf({
  command: ['true', 'c'.repeat(40 * KIB)],
  env: [1, 2].map((i) => ({ name: `E${i}`, value: 'e'.repeat(95 * KIB), secret: false })),
  input: { text: 'i'.repeat(90 * KIB) },
  labels: [
    { name: 'kind', value: 'heavy' },
    ...Array.from({ length: 30 }, (_, i) => ({ name: `l${i}`, value: 'l'.repeat(KIB) })),
  ],
});

beforeAll(async () => {
  api = await openHttp();
  for (let i = 0; i < COUNT; i += 1) {
    const labels = i === 7 ? [...heavy.labels, { name: 'rare', value: 'yes' }] : heavy.labels;
    ids.push((await api.api.runs.start({ spec: { ...heavy, labels }, idempotencyKey: null })).id);
  }
  ids = ids.reverse();
}, 180_000);
afterAll(() => api[Symbol.asyncDispose]());

/** Bytes that Redis sends to all its clients while `work` runs. */
const sentDuring = async (work: () => Promise<unknown>): Promise<number> => {
  const sent = async (): Promise<number> =>
    Number(/total_net_output_bytes:(\d+)/.exec(await api.redis.info('stats'))?.[1]);
  const before = await sent();
  await work();
  return (await sent()) - before;
};

const aliased = (count: number, field: (i: number) => string): string =>
  `{ ${Array.from({ length: count }, (_, i) => `a${i}: ${field(i)}`).join(' ')} }`;
const LIST = 'runs(first: 500) { edges { node { id } } }';

test('a list of 500 heavy runs, four times in one request, reads a few hundred bytes of each', async () => {
  let answer: Awaited<ReturnType<typeof post>> | undefined;
  const bytes = await sentDuring(async () => {
    answer = await post(
      api.url,
      aliased(4, () => LIST),
    );
  });
  expect(answer?.errors).toBeUndefined();
  expect(answer?.data.a3.edges.map((edge: { node: { id: string } }) => edge.node.id)).toEqual(ids);
  expect(bytes).toBeLessThan(4 * COUNT * KIB);
});

test.each([
  ['node, by 30 aliases', aliased(30, (i) => `node(id: "ID${i}") { id }`)],
  ['run, by 30 aliases', aliased(30, (i) => `run(id: "ID${i}") { id status lines }`)],
  [
    'runs with a filter that all match',
    '{ runs(first: 500, filter: { labels: [{ name: "kind", value: "heavy" }] }) { edges { node { id } } } }',
  ],
  [
    'runs with a filter that no run matches',
    '{ runs(first: 500, filter: { labels: [{ name: "none", value: "" }] }) { edges { node { id } } pageInfo { hasNextPage hasPreviousPage } } }',
  ],
  ['only cursors', '{ runs(last: 500) { edges { cursor } pageInfo { hasNextPage startCursor } } }'],
])('%s reads a few hundred bytes of each', async (_name, query) => {
  const filled = query.replace(/ID(\d+)/g, (_all, i) => ids[Number(i)] ?? '');
  let answer: Awaited<ReturnType<typeof post>> | undefined;
  const bytes = await sentDuring(async () => {
    answer = await post(api.url, filled);
  });
  expect(answer?.errors).toBeUndefined();
  expect(bytes).toBeLessThan(2 * COUNT * KIB);
});

test('a chain of retries reads no input', async () => {
  let run = ids[0] as RunId;
  for (let i = 0; i < 5; i += 1) run = (await api.api.runs.retry(run)).id;
  const bytes = await sentDuring(async () => {
    const chain = `${'retryOf { id '.repeat(6)}${'}'.repeat(6)}`;
    const { data } = await post(api.url, `{ run(id: "${run}") { ${chain} } }`);
    expect(data.run.retryOf.retryOf.retryOf.retryOf.retryOf).toEqual({ id: ids[0], retryOf: null });
  });
  expect(bytes).toBeLessThan(100 * KIB);
  for (let next: string | null = run; next !== null && next !== ids[0]; ) {
    const { data } = await post(api.url, `{ run(id: "${next}") { retryOf { id } } }`);
    await api.redis.del(recordKey(next as RunId));
    next = data.run.retryOf?.id ?? null;
  }
});

const setRetryOf = async (id: RunId, retryOf: string): Promise<void> => {
  const small = JSON.parse((await api.redis.hget(fixedKey(id), SMALL_FIELDS)) ?? '{}') as object;
  await api.redis.hset(fixedKey(id), SMALL_FIELDS, JSON.stringify({ ...small, retryOf }));
};

test('a list of retries can be read some levels deep, and more levels are refused', async () => {
  const [first, ...more] = ids.slice(-COUNT);
  for (const [i, id] of more.entries()) await setRetryOf(id, i === 0 ? (first as RunId) : (more[i - 1] as RunId));
  const levels = (count: number): string => `${'retryOf { id '.repeat(count)}${'}'.repeat(count)}`;
  const two = await post(api.url, `{ runs(first: 500) { edges { node { ${levels(2)} } } } }`);
  expect(two.errors).toBeUndefined();
  const { errors } = await post(api.url, `{ runs(first: 500) { edges { node { ${levels(11)} } } } }`);
  expect(errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
  for (const id of ids) await setRetryOf(id, '');
});

test('selected input, command and labels are returned for as many runs as fit in 8 MiB', async () => {
  const { data, errors } = await post(
    api.url,
    '{ runs(first: 40) { edges { node { id command input labels { name } } } } }',
  );
  expect(errors).toBeUndefined();
  expect(data.runs.edges).toHaveLength(40);
  expect(data.runs.edges[3].node).toMatchObject({ id: ids[3], command: heavy.command, input: heavy.input });
  expect(data.runs.edges[3].node.labels).toHaveLength(31);
});

test.each([
  [
    'input and command of 500 heavy runs, one field at a time',
    '{ runs(first: 500) { edges { node { input command } } } }',
  ],
  ['input of 500 heavy runs', '{ runs(first: 500) { edges { node { input } } } }'],
  ['labels of 500 heavy runs', '{ runs(first: 500) { edges { node { labels { name value } } } } }'],
  ['one input 30 times of 10 runs', `{ runs(first: 10) { edges { node ${aliased(30, () => 'input')} } } }`],
  ['one command 28 times of 50 runs', `{ runs(first: 50) { edges { node ${aliased(28, () => 'command')} } } }`],
])('%s is refused with LIMIT_EXCEEDED before it is read', async (_name, query) => {
  let answer: Awaited<ReturnType<typeof post>> | undefined;
  const bytes = await sentDuring(async () => {
    answer = await post(api.url, query);
  });
  expect(answer?.errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
  expect(answer?.errors?.length).toBeLessThanOrEqual(LIMITS.resultErrors + 1);
  expect(bytes).toBeLessThan(COUNT * KIB);
});

test('changes of heavy runs reach followers of lists without reading large fields', async () => {
  const ws = client(api.url);
  const changed: RunId[] = [];
  const bytes = await sentDuring(async () => {
    await new Promise<void>((resolve, reject) => {
      const done = ws.subscribe(
        {
          query:
            '{ runsUpdated(filter: { labels: [{ name: "kind", value: "heavy" }] }) { kind run { id status } } }'.replace(
              '{',
              'subscription {',
            ),
        },
        {
          next: ({ data }) => {
            const change = (data as { runsUpdated: { kind: string; run: { id: RunId; status: string } | null } })
              .runsUpdated;
            if (change.kind === 'SYNCED') {
              Promise.all(ids.slice(-20).map((id) => api.api.runs.cancel(id, null, false))).catch(reject);
            } else if (change.run?.status === 'CANCELLED') {
              changed.push(change.run.id);
              if (new Set(changed).size === 20) {
                done();
                resolve();
              }
            }
          },
          error: reject,
          complete: () => undefined,
        },
      );
    });
  });
  // Each end reads the record once or twice to claim its log; the list itself reads no record.
  expect(bytes).toBeLessThan(20 * 3 * 400 * KIB);
  await ws.dispose();
});

test('runUpdated delivers the selected fields each time', async () => {
  const ws = client(api.url);
  const { results } = await operate(
    ws,
    `subscription { runUpdated(runId: "${ids.at(-1)}") { status input labels { name } } }`,
  );
  expect(results.at(-1)?.data.runUpdated).toMatchObject({ status: 'CANCELLED', input: heavy.input });
  await ws.dispose();
});

test('runs created by an older version are also found by their labels', async () => {
  const [older] = ids.slice(300);
  await api.redis.hdel(recordKey(older as RunId), LABEL_MARKS);
  const { data } = await post(
    api.url,
    '{ runs(first: 500, filter: { labels: [{ name: "kind", value: "heavy" }] }) { edges { node { id } } } }',
  );
  expect(data.runs.edges.map((edge: { node: { id: string } }) => edge.node.id)).toContain(older);
  const none = await post(
    api.url,
    '{ runs(filter: { labels: [{ name: "kind", value: "light" }] }) { edges { node { id } } } }',
  );
  expect(none.data.runs.edges).toEqual([]);
});

test('while one client requests lists again and again, another gets its run without waiting for them', async () => {
  const [id] = ids;
  const stop = new AbortController();
  const listing = Array.from({ length: 4 }, async () => {
    let answers = 0;
    while (!stop.signal.aborted) {
      const { errors, data } = await post(
        api.url,
        aliased(4, () => LIST),
      );
      expect(errors).toBeUndefined();
      expect(data.a0.edges).toHaveLength(COUNT);
      answers += 1;
    }
    return answers;
  });
  for (let i = 0; i < 30; i += 1) {
    const { data } = await post(api.url, `{ run(id: "${id}") { id } }`);
    expect(data).toEqual({ run: { id } });
  }
  stop.abort();
  for (const answers of await Promise.all(listing)) expect(answers).toBeGreaterThan(0);
  expect(api.logged).toEqual([]);
});
