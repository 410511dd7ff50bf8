/** Names in Redis that do not belong to one run. Those of one run are in src/wire/keys.ts. */

import { DEFAULT_TENANT } from '../../domain/caller.ts';

/** Tenants can have any name. An index of one tenant is read for that tenant alone. */
const encoded = (tenant: string): string => encodeURIComponent(tenant.toWellFormed());

/** Sorted set with the ids of the tenant's runs. All scores are 0, so its order is that of the ids: the order of creation. */
export const runsIndex = (tenant: string): string =>
  tenant === DEFAULT_TENANT ? 'runs' : `runs:of:${encoded(tenant)}`;
/** Sorted set with the ids of the tenant's unfinished runs: a part of ACTIVE_RUNS. All scores are 0. */
export const activeIndex = (tenant: string): string => `runs:active:of:${encoded(tenant)}`;
/** Sorted set with the ids of the tenant's PENDING runs: a part of its unfinished ones. All scores are 0. */
export const queuedIndex = (tenant: string): string => `runs:queued:of:${encoded(tenant)}`;
/** Sorted set with the ids of the unfinished runs of all tenants, for the supervision. All scores are 0. */
export const ACTIVE_RUNS = 'runs:active';
/** Sorted set with the names of the tenants that have an index, without the default one. All scores are 0. */
export const TENANTS = 'runs:tenants';
/** String: the installation's id. */
export const INSTALLATION = 'runloom:installation';
/** BullMQ's prefix; the hash tag keeps the queue's keys in one cluster slot. */
export const QUEUE_PREFIX = '{runloom}';
export const QUEUE_NAME = 'attempts';

/** String with a TTL: `<run id> <fingerprint of the input>`. `fingerprint` is that of the client's key. */
export const idempotencyName = (fingerprint: string): string => `idempotency:${fingerprint}`;
/** Whether a record's field can name such a key. An attempt can write any name into its own record. */
export const isIdempotencyName = (name: string): boolean => /^idempotency:[0-9a-f]{64}$/.test(name);
