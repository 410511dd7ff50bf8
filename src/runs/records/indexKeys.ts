/** Names in Redis that do not belong to one run. Those of one run are in src/wire/keys.ts. */

/** Sorted set with the ids of all runs. All scores are 0, so its order is that of the ids: the order of creation. */
export const RUNS_INDEX = 'runs';
/** Sorted set with the ids of unfinished runs. All scores are 0. */
export const ACTIVE_RUNS = 'runs:active';
/** String: the installation's id. */
export const INSTALLATION = 'runloom:installation';
/** BullMQ's prefix; the hash tag keeps the queue's keys in one cluster slot. */
export const QUEUE_PREFIX = '{runloom}';
export const QUEUE_NAME = 'attempts';

/** String with a TTL: `<run id> <fingerprint of the input>`. `fingerprint` is that of the client's key. */
export const idempotencyName = (fingerprint: string): string => `idempotency:${fingerprint}`;
