/**
 * Which runs there are, by tenant. A crash can leave an id too many or too few; the reconciler repairs both. Every function
 * can be repeated and throws the connection's error.
 */
import type { Redis } from 'ioredis';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { PLACE } from '../../wire/scripts/limitScripts.ts';
import { Script } from '../../wire/scripts/script.ts';
import { ACTIVE_RUNS, activeIndex, queuedIndex, runsIndex, TENANTS } from './indexKeys.ts';
import { retain } from './retention.ts';

const place = new Script(PLACE);

/**
 * Takes a place in the tenant's queue for a run that is about to be created. False: the queue is full. A place whose run
 * is not created is freed by the reconciler.
 * @param most PENDING runs of the tenant; 0: no limit
 */
export const takePlace = async (redis: Redis, tenant: string, id: RunId, most: number): Promise<boolean> =>
  (await place.run(redis, [queuedIndex(tenant)], [id, most])) === 1;

/** How many runs of the tenant are PENDING. */
export const queued = (redis: Redis, tenant: string): Promise<number> => redis.zcard(queuedIndex(tenant));

/** For runs that are not PENDING any more. */
export const leaveQueue = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length > 0) await redis.zrem(queuedIndex(tenant), ...ids);
};

/** Adds PENDING runs. */
export const joinQueue = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length > 0) await redis.zadd(queuedIndex(tenant), 'NX', ...ids.flatMap((id) => [0, id]));
};

/** The default tenant is known anyway. */
const addTenant = async (redis: Redis, tenant: string): Promise<void> => {
  if (tenant !== DEFAULT_TENANT) await redis.zadd(TENANTS, 0, tenant);
};

/** Before the record exists, so that the reconciler completes what a crash leaves. */
export const announceRun = async (redis: Redis, tenant: string, id: RunId): Promise<void> => {
  await Promise.all([redis.zadd(ACTIVE_RUNS, 0, id), addTenant(redis, tenant)]);
};

/** Adds unfinished runs, which ACTIVE_RUNS has already. */
export const indexRuns = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length === 0) return;
  const members = ids.flatMap((id) => [0, id]);
  const added = [runsIndex(tenant), activeIndex(tenant)].map((key) => redis.zadd(key, 'NX', ...members));
  await Promise.all([addTenant(redis, tenant), ...added]);
};

/**
 * For runs that have ended or are gone: their keys get their TTL. ACTIVE_RUNS comes last: it has at least what the tenants'
 * indexes have, and a crash before it leaves nothing without a TTL.
 */
export const leaveActive = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length === 0) return;
  await Promise.all([redis.zrem(activeIndex(tenant), ...ids), leaveQueue(redis, tenant, ids), retain(redis, ids)]);
  await redis.zrem(ACTIVE_RUNS, ...ids);
};

/** For a run that is unfinished again. */
export const watchAgain = async (redis: Redis, id: RunId): Promise<void> => {
  await redis.zadd(ACTIVE_RUNS, 'NX', 0, id);
};

/** For runs without a record, whose tenant is not known. */
export const forgetActive = async (redis: Redis, ids: readonly RunId[]): Promise<void> => {
  if (ids.length === 0) return;
  await retain(redis, ids);
  await redis.zrem(ACTIVE_RUNS, ...ids);
};

/** For a run that is removed. */
export const leaveIndexes = async (redis: Redis, tenant: string, id: RunId): Promise<void> => {
  await Promise.all([redis.zrem(runsIndex(tenant), id), leaveActive(redis, tenant, [id])]);
};
