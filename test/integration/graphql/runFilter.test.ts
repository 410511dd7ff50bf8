import { afterAll, beforeAll, expect, test } from 'vitest';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { LIMITS } from '../../../src/domain/limits.ts';
import { recordKey, UPDATES_CHANNEL } from '../../../src/wire/keys.ts';
import { openHttp, post, RawSocket, type TestApi } from '../../support/clients/http.ts';

let api: TestApi;
/** Ids of the runs by their names. */
const ids: Record<string, RunId> = {};

const start = async (input: Record<string, unknown>): Promise<RunId> => {
  const document = 'mutation ($input: StartRunInput!) { startRun(input: $input) { run { id name } } }';
  const { data } = await post(api.url, document, { input: { command: ['true'], ...input } });
  const { id, name } = data.startRun.run;
  ids[name] = id;
  return id;
};
const NAMES =
  'query ($filter: RunFilter, $first: Int) { runs(first: $first, filter: $filter) { edges { node { name } } } }';
const named = async (filter: Record<string, unknown>): Promise<string[]> => {
  const { data } = await post(api.url, NAMES, { filter });
  return data.runs.edges.map(({ node }: { node: { name: string } }) => node.name).reverse();
};
const changed = async (id: RunId, changes: Record<string, string>): Promise<void> => {
  const before = await api.redis.hget(recordKey(id), 'status');
  const version = await api.redis.hincrby(recordKey(id), 'version', 1);
  await api.redis.hset(recordKey(id), changes);
  await api.redis.publish(UPDATES_CHANNEL, JSON.stringify({ runId: id, kind: 'UPDATED', before, version }));
};
const failed = (reason: string) => ({
  status: 'FAILED',
  failure: JSON.stringify({ reason, message: 'It failed.', signal: null }),
});

beforeAll(async () => {
  api = await openHttp();
  await start({ name: 'Nightly Build', image: 'docker.io/library/alpine:3.20', command: ['make', 'Deploy-Prod'] });
  await start({ name: 'second', image: 'alpine:edge', labels: [{ name: 'team', value: 'Blue' }] });
  await start({
    name: 'third',
    image: 'ghcr.io/acme/app@sha256:ab',
    command: ['sh', '-c', `# ${'x'.repeat(50_000)}\nneedle`],
  });
  await start({ name: 'fourth ÄRGER', image: 'alpine-like', labels: [{ name: 'team', value: 'green' }] });
  await changed(ids.second as RunId, failed('OUT_OF_MEMORY'));
  await changed(ids.third as RunId, failed('TIMEOUT'));
});
afterAll(() => api[Symbol.asyncDispose]());

test.each<[string, string, string[]]>([
  ['a part of the name, in any case', 'NIGHT', ['Nightly Build']],
  ['letters beyond ASCII', 'ärger', ['fourth ÄRGER']],
  ['an argument of the command', 'deploy-prod', ['Nightly Build']],
  ['the end of a long command', 'needle', ['third']],
  ['a label', 'team=blue', ['second']],
  ['the value of a label', 'green', ['fourth ÄRGER']],
  ['the image', 'ghcr.io/acme', ['third']],
  ['words that stand apart', '  build  make ', ['Nightly Build']],
  ['words of which one is missing', 'build needle', []],
  ['a text over the border of two members', 'secondalpine', []],
  ['nothing but spaces', '  ', ['Nightly Build', 'second', 'third', 'fourth ÄRGER']],
])('RunFilter.text finds runs by %s', async (_what, text, found) => {
  expect(await named({ text })).toEqual(found);
});

test('RunFilter.text finds a run by its id, or by the beginning of it from 8 characters on', async () => {
  const id = ids.third ?? '';
  expect(await named({ text: id })).toEqual(['third']);
  expect(await named({ text: id.toUpperCase() })).toEqual(['third']);
  expect(await named({ text: id.slice(0, 8) })).toContain('third');
  expect(await named({ text: id.slice(0, 7) })).toEqual([]);
  expect(await named({ text: id.slice(10) })).toEqual([]);
});

test('RunFilter.image is a pattern as in ALLOWED_IMAGES', async () => {
  expect(await named({ image: 'alpine' })).toEqual(['Nightly Build', 'second']);
  expect(await named({ image: 'alpine:3.20' })).toEqual(['Nightly Build']);
  expect(await named({ image: 'alpine*' })).toEqual(['Nightly Build', 'second', 'fourth ÄRGER']);
  expect(await named({ image: 'ghcr.io/*' })).toEqual(['third']);
  expect(await named({ image: 'ghcr.io/acme/app@sha256:ab' })).toEqual(['third']);
  expect(await named({ image: 'pine' })).toEqual([]);
  expect(await named({ image: '' })).toHaveLength(4);
});

test('S12: RunFilter.failure has the runs whose failure has one of the reasons, and other conditions must match too', async () => {
  expect(await named({ failure: ['TIMEOUT'] })).toEqual(['third']);
  expect(await named({ failure: ['TIMEOUT', 'OUT_OF_MEMORY', 'TIMEOUT'] })).toEqual(['second', 'third']);
  expect(await named({ failure: ['SIGNALLED'] })).toEqual([]);
  expect(await named({ failure: ['TIMEOUT'], status: ['COMPLETED'] })).toEqual([]);
  expect(await named({ failure: ['TIMEOUT'], text: 'blue' })).toEqual([]);
  expect(await named({ failure: [], status: ['FAILED'], image: 'alpine', text: 'blue' })).toEqual(['second']);
});

test('RunFilter.createdAfter and createdBefore are exclusive, and cursors work within them', async () => {
  const instants: number[] = [];
  for (const [at, name] of ['Nightly Build', 'second', 'third', 'fourth ÄRGER'].entries()) {
    const instant = Date.now() - 10_000 + at * 1000;
    instants.push(instant);
    await api.redis.hset(recordKey(ids[name] as RunId), 'createdAt', String(instant));
  }
  const time = (at: number): string => new Date(instants[at] ?? 0).toISOString();
  expect(await named({ createdAfter: time(1) })).toEqual(['third', 'fourth ÄRGER']);
  expect(await named({ createdBefore: time(1) })).toEqual(['Nightly Build']);
  expect(await named({ createdAfter: time(0), createdBefore: time(3) })).toEqual(['second', 'third']);
  expect(await named({ createdAfter: time(3), createdBefore: time(0) })).toEqual([]);
  expect(await named({ createdAfter: '1969-01-01T00:00:00Z', createdBefore: '9999-12-31T23:59:59Z' })).toHaveLength(4);
  const page = await post(
    api.url,
    `query ($filter: RunFilter, $after: String) { runs(first: 5, after: $after, filter: $filter) {
      edges { node { name } } pageInfo { hasNextPage hasPreviousPage } } }`,
    { filter: { createdAfter: time(0) }, after: ids.third },
  );
  expect(page.data.runs).toEqual({
    edges: [{ node: { name: 'second' } }],
    pageInfo: { hasNextPage: false, hasPreviousPage: true },
  });
});

test('S12a: runs outside of createdAfter and createdBefore are not looked at', async () => {
  const read: string[] = [];
  const monitor = await api.redis.monitor();
  monitor.on('monitor', (_time: string, [command = '']: string[]) => read.push(command.toLowerCase()));
  try {
    expect(await named({ createdBefore: '2020-01-01T00:00:00Z' })).toEqual([]);
    await api.redis.ping();
    await expect.poll(() => read).toContain('ping');
    expect(read).toContain('zrevrangebylex');
    expect(read).not.toContain('hmget');
  } finally {
    monitor.disconnect();
  }
});

test.each<[string, Record<string, unknown>]>([
  ['filter.text', { text: 'x'.repeat(LIMITS.runTextBytes + 1) }],
  ['filter.text', { text: 'x '.repeat(LIMITS.runTextWords + 1) }],
  ['filter.image', { image: 'x'.repeat(LIMITS.imageBytes + 1) }],
  ['filter.failure', { failure: Array.from({ length: LIMITS.filterEntries + 1 }, () => 'TIMEOUT') }],
])('a RunFilter over its bounds is BAD_USER_INPUT: %s', async (argument, filter) => {
  const { errors } = await post(api.url, NAMES, { filter });
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', argument });
});

test('one page of a text filter looks at a bounded number of bytes, says that there is more, and goes on', async () => {
  const command = ['sh', '-c', 'y'.repeat(60_000)];
  const bulk = await start({ name: 'bulk', command });
  const pipeline = api.redis.pipeline();
  for (let bytes = 0; bytes < LIMITS.pageFilterBytes + 15_000_000; bytes += 60_000) {
    const id = newRunId();
    pipeline.copy(recordKey(bulk), recordKey(id)).zadd('runs', 0, id);
  }
  await pipeline.exec();
  const query = `query ($after: String) { runs(first: 1, after: $after, filter: { text: "nightly" }) {
    edges { node { name } } pageInfo { hasNextPage endCursor } } }`;
  const short = await post(api.url, query);
  expect(short.data.runs).toMatchObject({ edges: [], pageInfo: { hasNextPage: true } });
  const rest = await post(api.url, query, { after: short.data.runs.pageInfo.endCursor });
  expect(rest.data.runs.edges).toEqual([{ node: { name: 'Nightly Build' } }]);
}, 60_000);

test('S12: runsUpdated follows the same filter, and tells LEFT when a failure does not match any more', async () => {
  await using socket = await new RawSocket(api.url).ready();
  const query = `subscription ($filter: RunFilter) { runsUpdated(filter: $filter) { kind run { name } } }`;
  socket.subscribe('1', query, {
    filter: { text: 'wanted', failure: ['TIMEOUT'], createdAfter: '2020-01-01T00:00:00Z' },
  });
  const kinds = () =>
    socket.messages.flatMap(({ id, payload }) =>
      id === '1' ? [(payload as { data: { runsUpdated: { kind: string } } }).data.runsUpdated.kind] : [],
    );
  await socket.until(() => kinds().includes('SYNCED'));
  const id = await start({ name: 'wanted' });
  const other = await start({ name: 'other' });
  await changed(other, failed('TIMEOUT'));
  await changed(id, failed('TIMEOUT'));
  await socket.until(() => kinds().length === 2);
  await changed(id, { ...failed('TIMEOUT'), status: 'PENDING', failure: 'null' });
  await socket.until(() => kinds().length === 3);
  expect(kinds()).toEqual(['SYNCED', 'UPDATED', 'LEFT']);
});
