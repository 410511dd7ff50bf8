import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { Conflict, NotFound } from '../../../src/domain/errors.ts';
import { newRunId, type RunId } from '../../../src/domain/ids.ts';
import { runUpdates } from '../../../src/runs/api/updates.ts';
import { ACTIVE_RUNS, activeIndex, runsIndex, TENANTS } from '../../../src/runs/records/indexKeys.ts';
import type { RunFilter } from '../../../src/runs/records/runFilter.ts';
import { type RunPageRequest, type Runs, type RunUpdate, Scan } from '../../../src/runs/records/runs.ts';
import { IndexSweep } from '../../../src/runs/supervision/indexSweep.ts';
import { recordKey } from '../../../src/wire/keys.ts';
import { createRun } from '../../support/log.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openAnnouncements, openApi, specOf, until } from '../../support/runs/runs.ts';

const of = (tenant: string, more: Partial<Caller> = {}): Caller => ({
  ...LOCAL_ADMIN,
  tenant,
  subject: `${tenant}'s backend`,
  ...more,
});
/** A name with everything that keys and patterns of Redis could misread. */
const ODD = 'a:{b}*%/ ü\n';
let server: TestRedis;
let api: Api;
let acme: Runs;
let odd: Runs;

beforeAll(async () => {
  server = await startRedis();
  api = await openApi(server);
  acme = api.runsFor(of('acme'));
  odd = api.runsFor(of(ODD));
});
afterAll(async () => {
  await api?.[Symbol.asyncDispose]();
  await server?.stop();
});

const start = (runs: Runs, more = {}, idempotencyKey: string | null = null) =>
  runs.start({ spec: specOf(more), idempotencyKey });

const listed = async (runs: Runs, request: Partial<RunPageRequest> = {}): Promise<RunId[]> => {
  const scan = new Scan(new AbortController().signal);
  const page = await runs.page({ ...(request.last ? {} : { first: 100 }), filter: {}, ...request }, scan);
  return page.runs.map(({ id }) => id);
};

test("T1: a run belongs to its caller's tenant, and keeps who started it", async () => {
  const run = await start(acme);
  expect(run).toMatchObject({ tenant: 'acme', createdBy: "acme's backend" });
  const retried = await api.runsFor(of('acme', { subject: 'ada' })).retry(run.id);
  expect(retried).toMatchObject({ tenant: 'acme', createdBy: 'ada', retryOf: run.id });
});

test('T1: runs that were made without tenants belong to the default tenant', async () => {
  const id = await createRun(api.redis);
  expect(await api.runs.get(id)).toMatchObject({ tenant: 'default', createdBy: null });
  expect(await acme.get(id)).toBeNull();
});

test('T2: to others a run does not exist: reads answer null, and calls NotFound, as for an id that was never given', async () => {
  const { id } = await start(acme, { name: 'hidden' });
  const signal = AbortSignal.timeout(5000);
  for (const runs of [odd, api.runs, api.runsFor(of('acme', { runs: new Set([newRunId()]) }))]) {
    for (const one of [id, newRunId()]) {
      expect(await runs.get(one, signal)).toBeNull();
      expect(await runs.getMany([one, one])).toEqual([null, null]);
      expect(await runs.getMarked([one])).toEqual([null]);
      for (const call of [runs.cancel(one, null, true), runs.retry(one), runs.delete(one)]) {
        await expect(call).rejects.toThrow(NotFound);
      }
    }
  }
  expect(await acme.get(id)).toMatchObject({ status: 'PENDING', cancelRequestedAt: null, version: 1 });
  expect(await api.runsFor(of('acme', { runs: new Set([id]) })).get(id)).toMatchObject({ name: 'hidden' });
});

test('T3: a list has the runs of its tenant, and looks at no others', async () => {
  const own = [await start(odd), await start(odd), await start(odd)].map(({ id }) => id).reverse();
  for (let i = 0; i < 30; i += 1) await start(acme);
  for (const filter of [{}, { status: ['PENDING'] }, { status: ['PENDING', 'COMPLETED'] }] satisfies RunFilter[]) {
    const scan = new Scan(new AbortController().signal);
    const before = scan.left;
    const page = await odd.page({ first: 100, filter }, scan);
    expect(page.runs.map(({ id }) => id)).toEqual(own);
    expect(before - scan.left).toBe(own.length);
    expect([await page.hasNext(), await page.hasPrevious()]).toEqual([false, false]);
  }
});

test('T3: a caller that sees given runs lists those, in pages of both directions', async () => {
  const all = [];
  for (let i = 0; i < 6; i += 1) all.push((await start(acme, { labels: [{ name: 'n', value: String(i % 2) }] })).id);
  const own = [...all.slice(0, 5)].reverse();
  const token = api.runsFor(of('acme', { runs: new Set(own) }));
  expect(await listed(token)).toEqual(own);
  expect(await listed(token, { first: 2, after: own[1] as RunId })).toEqual(own.slice(2, 4));
  expect(await listed(token, { last: 2 })).toEqual(own.slice(-2));
  expect(await listed(token, { last: 2, before: own[3] as RunId })).toEqual(own.slice(1, 3));
  expect(await listed(token, { filter: { labels: [{ name: 'n', value: '1' }] } })).toEqual([own[1], own[3]]);
  expect(await listed(token, { filter: { status: ['RUNNING'] } })).toEqual([]);
  const scan = new Scan(new AbortController().signal);
  const page = await token.page({ first: 2, after: own[0] as RunId, filter: {} }, scan);
  expect([await page.hasNext(), await page.hasPrevious()]).toEqual([true, true]);
});

test('T4: an idempotency key is of one tenant: another starts its own run with it, and learns nothing', async () => {
  const spec = { name: 'same' };
  const [first, second] = [await start(acme, spec, 'order 7'), await start(odd, spec, 'order 7')];
  expect(second.id).not.toBe(first.id);
  expect((await start(acme, spec, 'order 7')).id).toBe(first.id);
  expect((await start(odd, spec, 'order 7')).id).toBe(second.id);
  expect((await start(api.runsFor(of('third')), { name: 'other' }, 'order 7')).tenant).toBe('third');
  await expect(start(acme, { name: 'other' }, 'order 7')).rejects.toThrow(Conflict);
});

test('T5: changes of runs are told to those alone who see them, deletions too', async () => {
  const { connection, announcements } = await openAnnouncements(server);
  const updates = runUpdates(announcements, pino({ level: 'silent' }), api.redis);
  const told: Record<string, RunUpdate[]> = { acme: [], odd: [], token: [] };
  const run = await start(acme);
  const callers = { acme: of('acme'), odd: of(ODD), token: of('acme', { runs: new Set([run.id]) }) };
  const ends = await Promise.all(
    Object.entries(callers).map(([name, caller]) =>
      updates.follow({ caller, onUpdate: (update) => told[name]?.push(update), onGap: () => undefined }),
    ),
  );
  const other = await start(acme);
  for (const { id } of [run, other]) {
    await acme.cancel(id, null, false);
    await acme.delete(id);
  }
  const kinds = (name: string, id: RunId) => told[name]?.filter(({ runId }) => runId === id).map(({ kind }) => kind);
  await until(
    () => Promise.resolve(kinds('acme', other.id)),
    (seen) => seen?.includes('DELETED') === true,
  );
  await until(
    () => Promise.resolve(kinds('token', run.id)),
    (seen) => seen?.includes('DELETED') === true,
  );
  // A message that was published later has come to each of them, so nothing else is on its way.
  const last = await start(odd);
  await until(
    () => Promise.resolve(kinds('odd', last.id)),
    (seen) => seen?.includes('CREATED') === true,
  );
  expect(kinds('acme', run.id)).toContain('DELETED');
  expect(told.odd?.map(({ runId }) => runId)).toEqual([last.id]);
  expect(new Set(told.token?.map(({ runId }) => runId))).toEqual(new Set([run.id]));
  for (const end of ends) end();
  await connection.close();
});

test('T5: whoever follows all runs of a tenant makes the service read no run of another tenant', async () => {
  const { connection, announcements } = await openAnnouncements(server);
  const updates = runUpdates(announcements, pino({ level: 'silent' }), api.redis);
  const [own, foreign] = [await start(acme), await start(odd)];
  for (const { id } of [own, foreign]) await api.redis.hset(recordKey(id), 'status', 'RUNNING');
  const monitor = await (await server.connect()).monitor();
  const read: string[] = [];
  monitor.on('monitor', (_time: string, args: readonly string[]) => read.push(args.join(' ')));
  const reads = (id: RunId): number => read.filter((command) => command.includes(recordKey(id))).length;
  const grown: RunUpdate[] = [];
  const end = await updates.follow({
    caller: of('acme'),
    onUpdate: (update) => grown.push(update),
    onGap: () => undefined,
  });
  await api.redis.hset(recordKey(own.id), 'lastSeq', 2);
  await until(
    () => Promise.resolve(grown),
    (seen) => seen.some(({ runId, kind }) => runId === own.id && kind === 'GREW'),
  );
  expect(reads(own.id)).toBeGreaterThan(0);
  expect(reads(foreign.id)).toBe(0);
  end();
  monitor.disconnect();
  await connection.close();
});

test('R2: the indexes of a tenant lose the runs that are gone, and then the tenant', async () => {
  const tenant = 'passing';
  const runs = api.runsFor(of(tenant));
  const [gone, deleted, ended] = [await start(runs), await start(runs), await start(runs)];
  await runs.cancel(deleted.id, null, false);
  await runs.delete(deleted.id);
  expect(await api.redis.zrange(runsIndex(tenant), '0', '-1')).toEqual([gone.id, ended.id]);
  await runs.cancel(ended.id, null, false);
  expect(await api.redis.zrange(activeIndex(tenant), '0', '-1')).toEqual([gone.id]);
  for (const { id } of [gone, ended]) await api.redis.del(recordKey(id));
  await api.redis.zrem(ACTIVE_RUNS, gone.id);
  const sweep = new IndexSweep(api.redis);
  await until(
    async () => {
      await sweep.step(AbortSignal.timeout(5000));
      await delay(1);
      return await api.redis.zscore(TENANTS, tenant);
    },
    (score) => score === null,
  );
  expect(await api.redis.exists(runsIndex(tenant), activeIndex(tenant))).toBe(0);
  expect(await api.redis.zscore(TENANTS, ODD)).toBe('0');
});
