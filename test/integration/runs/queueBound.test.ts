/** The queue of a tenant is bounded, over all processes and after crashes. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Caller, LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import { ShareUsedUp } from '../../../src/domain/errors.ts';
import { type CommandsContext, runCommands } from '../../../src/runs/api/runCommands.ts';
import { activeIndex } from '../../../src/runs/records/indexKeys.ts';
import type { Runs } from '../../../src/runs/records/runs.ts';
import { startRedis, type TestRedis } from '../../support/redis/redis.ts';
import { type Api, openApi, specOf } from '../../support/runs/runs.ts';

const MOST = 3;
let server: TestRedis;
let apis: readonly [Api, Api];
beforeAll(async () => {
  server = await startRedis();
  const masterKey = randomBytes(32);
  apis = [await openApi(server, masterKey), await openApi(server, masterKey)];
});
afterAll(async () => {
  for (const api of apis) await api[Symbol.asyncDispose]();
  await server.stop();
});

let tenants = 0;
/** The runs of a new tenant, as two processes have them. */
const newTenant = (): { readonly tenant: string; readonly runs: readonly [Runs, Runs] } => {
  tenants += 1;
  const caller: Caller = { ...LOCAL_ADMIN, tenant: `tenant ${tenants}` };
  const bounded = ({ context }: Api): Runs => {
    const limited: CommandsContext = { ...context, defaults: { ...context.defaults, queuedRuns: MOST } };
    return runCommands(limited)(caller);
  };
  return { tenant: caller.tenant, runs: [bounded(apis[0]), bounded(apis[1])] };
};
const request = { spec: specOf(), idempotencyKey: null };

const refused = async (work: Promise<unknown>): Promise<ShareUsedUp | null> =>
  await work.then(
    () => null,
    (error: unknown) => {
      if (error instanceof ShareUsedUp) return error;
      throw error;
    },
  );

test('S11f: of runs that two processes start at the same time, as many are accepted as the queue of the tenant has places', async () => {
  const { tenant, runs } = newTenant();
  const started = await Promise.all(
    Array.from({ length: 10 }, (_, i) => refused(runs[i % 2 === 0 ? 0 : 1].start(request))),
  );
  const refusals = started.filter((one) => one !== null);
  expect(refusals).toHaveLength(10 - MOST);
  expect(refusals[0]?.retryAfterSeconds).toBe(5);
  expect(refusals[0]?.message).toBe(
    'The queue of your tenant is full: at most 3 runs can be PENDING (MAX_QUEUED_RUNS). Try again in 5 s.',
  );
  // A refused run leaves nothing.
  expect(await apis[0].redis.zcard(activeIndex(tenant))).toBe(MOST);
  expect(await refused(newTenant().runs[0].start(request))).toBeNull();
});

test('S11f: a cancelled run frees its place, a repeat with the same key needs none, and retryRun needs one', async () => {
  const { runs } = newTenant();
  const keyed = { ...request, idempotencyKey: 'the same' };
  const first = await runs[0].start(keyed);
  const others = [await runs[0].start(request), await runs[1].start(request)];
  expect((await runs[1].start(keyed)).id).toBe(first.id);
  expect(await refused(runs[1].retry(first.id))).not.toBeNull();
  await runs[0].cancel(others[0]?.id ?? first.id, null, false);
  expect(await refused(runs[1].retry(first.id))).toBeNull();
  expect(await refused(runs[1].start(request))).not.toBeNull();
});

test('S11f: a refused start leaves no idempotency key, so the same call succeeds later and nothing piles up', async () => {
  const { runs } = newTenant();
  const first = await runs[0].start(request);
  for (let i = 1; i < MOST; i += 1) await runs[1].start(request);
  const before = (await apis[0].redis.keys('idempotency:*')).length;
  for (let i = 0; i < 5; i += 1) {
    const keyed = { ...request, idempotencyKey: `refused ${i}` };
    expect(await refused(runs[0].start(keyed))).not.toBeNull();
    expect(await refused(runs[1].start(keyed, () => Promise.reject(new ShareUsedUp('Too many.', 1))))).not.toBeNull();
  }
  expect((await apis[0].redis.keys('idempotency:*')).length).toBe(before);
  await runs[0].cancel(first.id, null, false);
  const keyed = { ...request, idempotencyKey: 'refused 0' };
  const { id } = await runs[0].start(keyed);
  expect((await runs[1].start(keyed)).id).toBe(id);
});
