/**
 * Which runs there are, by tenant. A crash can leave an id too many or too few; the reconciler repairs both. Every function
 * can be repeated and throws the connection's error.
 */
import type { Redis } from 'ioredis';
import { DEFAULT_TENANT } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import { ACTIVE_RUNS, activeIndex, runsIndex, TENANTS } from './indexKeys.ts';

/** Before the record exists, so that the reconciler completes what a crash leaves. */
export const announceRun = async (redis: Redis, tenant: string, id: RunId): Promise<void> => {
  const tenants = tenant === DEFAULT_TENANT ? null : redis.zadd(TENANTS, 0, tenant);
  await Promise.all([redis.zadd(ACTIVE_RUNS, 0, id), tenants]);
};

/** Adds unfinished runs, which ACTIVE_RUNS has already. */
export const indexRuns = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length === 0) return;
  const members = ids.flatMap((id) => [0, id]);
  const tenants = tenant === DEFAULT_TENANT ? null : redis.zadd(TENANTS, 0, tenant);
  const added = [runsIndex(tenant), activeIndex(tenant)].map((key) => redis.zadd(key, 'NX', ...members));
  await Promise.all([tenants, ...added]);
};

/** For runs that have ended. ACTIVE_RUNS comes last: it has at least what the tenants' indexes have. */
export const leaveActive = async (redis: Redis, tenant: string, ids: readonly RunId[]): Promise<void> => {
  if (ids.length === 0) return;
  await redis.zrem(activeIndex(tenant), ...ids);
  await redis.zrem(ACTIVE_RUNS, ...ids);
};

/** For a run that is removed. */
export const leaveIndexes = async (redis: Redis, tenant: string, id: RunId): Promise<void> => {
  await Promise.all([redis.zrem(runsIndex(tenant), id), leaveActive(redis, tenant, [id])]);
};
