/** Names in Redis that belong to no single run. Those of one run are in wire/keys.ts. */

/** Sorted set, all scores 0: the ids of all runs, so lexicographic order is order of creation. */
export const RUNS_INDEX = 'runs';
/** Sorted set, all scores 0: the ids of runs that have not finished. */
export const ACTIVE_RUNS = 'runs:active';
/** String: the installation's id. */
export const INSTALLATION = 'runloom:installation';
/** BullMQ's prefix; the hash tag keeps the queue's keys in one cluster slot. */
export const QUEUE_PREFIX = '{runloom}';
export const QUEUE_NAME = 'attempts';

/** String with a TTL: `<run id> <fingerprint of the input>`. `fingerprint` is that of the client's key. */
export const idempotencyName = (fingerprint: string): string => `idempotency:${fingerprint}`;
