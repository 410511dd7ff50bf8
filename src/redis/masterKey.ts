/** The master key: what secrets of runs are sealed under, and what the executors' password comes from. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

const MASTER_KEY = 'runloom:secrets-key';
const KEY_BYTES = 32;

/**
 * SECRETS_KEY where it is set. Otherwise a key that is made at the first call ever and kept in Redis, the
 * same for all processes: then the secrets of runs are sealed against executors (each gets its own run's
 * key only) and against a look at single records, but NOT against whoever can read Redis or its files.
 * A SECRETS_KEY that is set later, or changed, does not open what was sealed before.
 * @throws Error where what Redis holds is no key; the connection's error
 */
export const masterKeyOf = async (redis: Redis, secretsKey: Buffer | null): Promise<Buffer> => {
  if (secretsKey !== null) return secretsKey;
  const fresh = randomBytes(KEY_BYTES).toString('base64');
  // SET NX GET (Redis 7.0, https://redis.io/docs/latest/commands/set/): the old value, or null where it was set.
  const known = await redis.set(MASTER_KEY, fresh, 'NX', 'GET');
  const key = Buffer.from(known ?? fresh, 'base64');
  if (key.length !== KEY_BYTES) throw new Error(`${MASTER_KEY} in Redis is no key of ${KEY_BYTES} bytes`);
  return key;
};
