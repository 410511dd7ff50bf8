/**
 * A filter that few runs or lines match has bounded costs, takes turns with other requests, and stops when its client
 * leaves.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newRunId, type RunId } from '../../src/domain/ids.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import { runsIndex } from '../../src/runs/records/indexKeys.ts';
import { recordKey } from '../../src/wire/keys.ts';
import { marksOf } from '../../src/wire/labelMarks.ts';
import { LABEL_MARKS, recordFields } from '../../src/wire/runRecord.ts';
import { openHttp, post, RawSocket, type TestApi } from '../support/clients/http.ts';
import { createRun, line, PlainWriter } from '../support/log.ts';

const COUNT = 25_000;
let api: TestApi;
/** Oldest first. */
const ids: RunId[] = [];
const RARE = { name: 'rare', value: 'yes' };

beforeAll(async () => {
  api = await openHttp();
  for (let from = 0; from < COUNT; from += 1000) {
    const pipeline = api.redis.pipeline();
    for (let i = from; i < from + 1000; i += 1) {
      const id = newRunId();
      ids.push(id);
      const labels = i % 12_000 === 1 ? [RARE] : [];
      const record = { id, image: 'a', labels, status: 'COMPLETED', createdAt: 1, lastSeq: 1, closed: true } as const;
      pipeline.hset(recordKey(id), ...recordFields(record), LABEL_MARKS, marksOf(labels));
      pipeline.zadd(runsIndex('default'), 0, id);
    }
    await pipeline.exec();
  }
}, 120_000);
afterAll(() => api[Symbol.asyncDispose]());

const commandsDuring = async (work: () => Promise<unknown>): Promise<number> => {
  const calls = async (): Promise<number> =>
    Number(/cmdstat_hmget:calls=(\d+)/.exec(await api.redis.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  await work();
  return (await calls()) - before;
};

const PAGE = 'edges { node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const FILTER = 'filter: { labels: [{ name: "rare", value: "yes" }] }';

test('a walk along endCursor finds each run that matches, page by page, and ends', async () => {
  for (const forward of [true, false]) {
    const found: RunId[] = [];
    let cursor: string | null = null;
    let pages = 0;
    for (let more = true; more; pages += 1) {
      const where: string = forward ? 'first: 10' : 'last: 10';
      const from: string = cursor === null ? '' : `${forward ? 'after' : 'before'}: "${cursor}",`;
      const { data, errors } = await post(api.url, `{ runs(${where}, ${from} ${FILTER}) { ${PAGE} } }`);
      expect(errors).toBeUndefined();
      for (const { node } of data.runs.edges) found.push(node.id);
      more = forward ? data.runs.pageInfo.hasNextPage : data.runs.pageInfo.hasPreviousPage;
      cursor = forward ? data.runs.pageInfo.endCursor : data.runs.pageInfo.startCursor;
      expect(cursor === null && more).toBe(false);
    }
    expect(found).toEqual(forward ? [ids[24_001], ids[12_001], ids[1]] : [ids[1], ids[12_001], ids[24_001]]);
    expect(pages).toBeLessThanOrEqual(4);
  }
});

test('one page reads a bounded number of runs, and only its own if no field about neighbours is selected', async () => {
  const none = 'filter: { labels: [{ name: "none", value: "" }] }';
  expect(await commandsDuring(() => post(api.url, `{ runs(${none}) { edges { node { id } } } }`))).toBeLessThanOrEqual(
    LIMITS.pageRuns + 200,
  );
  // Ten runs are read, each from its record and from what the service decided about it.
  expect(await commandsDuring(() => post(api.url, `{ runs(first: 1) { edges { node { id } } } }`))).toBeLessThanOrEqual(
    30,
  );
  expect(
    await commandsDuring(() => post(api.url, `{ runs(first: 1, ${FILTER}) { edges { node { id } } } }`)),
  ).toBeLessThanOrEqual(1400);
});

test('30 aliases of a rare label together read a bounded number of runs', async () => {
  const query = `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: runs(first: 10, filter: { labels: [{ name: "none", value: "${i}" }] }) { ${PAGE} }`).join(' ')} }`;
  let answer: Awaited<ReturnType<typeof post>> | undefined;
  const calls = await commandsDuring(async () => {
    answer = await post(api.url, query);
  });
  // Two pages are shorter than asked and say so; the others are refused.
  expect(answer?.data.a0).toMatchObject({ edges: [], pageInfo: { hasNextPage: true } });
  expect(answer?.data.a1).toMatchObject({ edges: [], pageInfo: { hasNextPage: true } });
  expect(answer?.data.a29).toBeNull();
  expect(answer?.errors?.[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
  expect(calls).toBeLessThanOrEqual(LIMITS.requestScan + 200);
});

test('unfinished runs are found without reading finished ones', async () => {
  const { id } = await api.api.runs.start({
    spec: {
      name: null,
      image: null,
      command: ['true'],
      input: undefined,
      env: [],
      labels: [RARE],
      timeoutSeconds: null,
      resources: { cpus: null, memoryMb: null },
      maxAttempts: 1,
      backoffSeconds: 1,
    },
    idempotencyKey: null,
  });
  let data: Awaited<ReturnType<typeof post>>['data'];
  const calls = await commandsDuring(async () => {
    ({ data } = await post(
      api.url,
      `{ runs(filter: { status: [RUNNING, PENDING, STARTING], labels: [{ name: "rare", value: "yes" }] }) { ${PAGE} } }`,
    ));
  });
  expect(data.runs.edges).toEqual([{ node: { id } }]);
  expect(data.runs.pageInfo.hasNextPage).toBe(false);
  expect(calls).toBeLessThan(20);
});

/** Sends a query, abandons it when `begun` resolves, and then waits for `over` before it closes the rest. */
type GiveUp = (query: string, begun: () => Promise<void>, over: () => Promise<void>) => Promise<void>;

const request =
  (accept: string): GiveUp =>
  async (query, begun, over) => {
    const leaving = new AbortController();
    const answer = fetch(`${api.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
    });
    await begun();
    leaving.abort();
    await answer.then((response) => response.text()).catch(() => undefined);
    await over();
  };

const GIVE_UPS: readonly (readonly [string, GiveUp])[] = [
  ['by closing the request', request('application/json')],
  ['by closing the event stream', request('text/event-stream')],
  [
    'by complete on a WebSocket that stays open',
    async (query, begun, over) => {
      await using socket = await new RawSocket(api.url).ready();
      socket.subscribe('1', query);
      await begun();
      socket.send({ id: '1', type: 'complete' });
      // The id is free again, and its answer is that of the new operation.
      socket.subscribe('1', '{ __typename }');
      const answer = await socket.until(({ id }) => id === '1');
      expect(answer).toEqual({ id: '1', type: 'next', payload: { data: { __typename: 'Query' } } });
      expect((await socket.until(({ type }) => type === 'complete')).id).toBe('1');
      await over();
    },
  ],
  [
    'by closing the WebSocket',
    async (query, begun, over) => {
      const socket = await new RawSocket(api.url).ready();
      socket.subscribe('1', query);
      await begun();
      await socket[Symbol.asyncDispose]();
      await over();
    },
  ],
];

const toTheEnd: GiveUp = async (query, _begun, over) => {
  await post(api.url, query);
  await over();
};

test.each(GIVE_UPS)('a scan of the list stops if its client leaves %s', async (_how, giveUp) => {
  const query = `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: runs(first: 10, filter: { labels: [{ name: "none", value: "${i}" }] }) { ${PAGE} }`).join(' ')} }`;
  const all = await commandsOf('hmget', query, toTheEnd);
  expect(await commandsOf('hmget', query, giveUp)).toBeLessThan(all / 2);
});

test.each(GIVE_UPS)('a scan of a log stops if its client leaves %s', async (_how, giveUp) => {
  const id = await logged(60, 8, 'a'.repeat(60_000));
  const query = `{ run(id: "${id}") { ${Array.from({ length: 8 }, (_, i) => `a${i}: logs(first: 5000, after: ${i * 60}, filter: { contains: "none" }) { endSeq }`).join(' ')} } }`;
  const all = await commandsOf('xrange', query, toTheEnd);
  expect(await commandsOf('xrange', query, giveUp)).toBeLessThan((all * 3) / 4);
});

/** Number of commands of this name that Redis gets for a query, counted until it stays the same. `begun` waits for the first few. */
const commandsOf = async (name: string, query: string, ask: GiveUp): Promise<number> => {
  const count = async (): Promise<number> =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await api.redis.info('commandstats'))?.[1] ?? 0);
  const before = await count();
  let now = before;
  await ask(
    query,
    async () => {
      while (now === before) now = await count();
    },
    async () => {
      for (let last = -1; now !== last || api.work().commands > 0; now = await count()) {
        last = now;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    },
  );
  return now - before;
};

const LOGS = `query ($id: ID!, $filter: LogFilter) { run(id: $id) { logs(first: 5000, filter: $filter) {
  events { seq } endSeq hasNext } } }`;

/** A run whose log has `entries` entries of `lines` lines each. */
const logged = async (entries: number, lines: number, message: string): Promise<RunId> => {
  const id = await createRun(api.redis);
  const writer = new PlainWriter(api.redis, id);
  await writer.claim();
  for (let i = 0; i < entries; i += 1) await writer.append(Array.from({ length: lines }, () => line(message)));
  return id;
};

test.each([
  ['contains', { contains: `b${'a'.repeat(1023)}` }],
  ['exclude', { contains: 'x', exclude: `b${'a'.repeat(1023)}` }],
  ['an almost matching text', { contains: `${'a'.repeat(1023)}b` }],
])('%s of 1 kB on 16 MB of nearly equal text is answered, and other work gets its turn', async (_name, filter) => {
  const id = await logged(20, 8, 'a'.repeat(60_000));
  const stop = new AbortController();
  const turns: number[] = [];
  const watch = (async () => {
    for (let last = performance.now(); !stop.signal.aborted; last = performance.now()) {
      await new Promise((resolve) => setImmediate(resolve));
      turns.push(performance.now() - last);
    }
  })();
  const { data, errors } = await post(api.url, LOGS, { id, filter });
  stop.abort();
  await watch;
  expect(errors).toBeUndefined();
  expect(data.run.logs).toMatchObject({ events: [] });
  // A quadratic search takes some seconds in one turn for 9.6 MB.
  expect(Math.max(...turns)).toBeLessThan(1000);
});

test('a page with a filter that few lines pass reads at most 32 MiB, then says where to continue', async () => {
  const id = await logged(90, 8, 'z'.repeat(60_000));
  const first = await post(api.url, LOGS, { id, filter: { contains: 'nothing' } });
  expect(first.data.run.logs).toMatchObject({ events: [], hasNext: true });
  expect(first.data.run.logs.endSeq).toBeLessThan((LIMITS.requestScanBytes / 60_000) * 1.1);
  const twice = await post(
    api.url,
    'query ($id: ID!) { run(id: $id) { a: logs(filter: { contains: "nothing" }) { endSeq } b: logs(filter: { contains: "nothing" }) { endSeq } c: logs(filter: { contains: "nothing" }) { endSeq } } }',
    { id },
  );
  // Less than a line is left for the others.
  expect(twice.data.run.b.endSeq).toBeLessThan(9);
  expect(twice.data.run.c.endSeq).toBeLessThan(9);
});

test.each([
  ['types', 'LogLine'],
  ['streams', 'STDOUT'],
  ['levels', 'INFO'],
])('a filter with 90,000 %s is refused', async (name, value) => {
  const id = await createRun(api.redis);
  const { errors } = await post(api.url, LOGS, { id, filter: { [name]: Array.from({ length: 90_000 }, () => value) } });
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', argument: `filter.${name}` });
});

test.each([
  ['90,000 statuses as a variable', { status: Array.from({ length: 90_000 }, () => 'FAILED') }],
  ['100 labels', { labels: Array.from({ length: 100 }, (_, i) => ({ name: `l${i}`, value: '' })) }],
])('%s are refused', async (_name, filter) => {
  const { errors } = await post(api.url, 'query ($filter: RunFilter) { runs(filter: $filter) { edges { cursor } } }', {
    filter,
  });
  expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
});

test('the same status several times counts once', async () => {
  const { data } = await post(
    api.url,
    '{ runs(first: 1, filter: { status: [COMPLETED, COMPLETED, COMPLETED] }) { edges { cursor } } }',
  );
  expect(data.runs.edges).toEqual([{ cursor: ids.at(-1) }]);
});
