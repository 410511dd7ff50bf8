/** The master key: keys of runs and the executors' password are derived from it. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

const MASTER_KEY = 'runloom:secrets-key';
const KEY_BYTES = 32;

/**
 * SECRETS_KEY if it is set. Otherwise a random key that the first call stores in Redis, for all processes. It protects
 * secrets from other runs' executors and from a look at single records, but NOT from anybody who can read Redis or its
 * files. A SECRETS_KEY that is set later, or changed, does not open older secrets.
 * @throws Error if the stored value is not a key; the connection's error
 */
export const masterKeyOf = async (redis: Redis, secretsKey: Buffer | null): Promise<Buffer> => {
  if (secretsKey !== null) return secretsKey;
  const fresh = randomBytes(KEY_BYTES).toString('base64');
  // SET NX GET (Redis 7.0, https://redis.io/docs/latest/commands/set/): the old value, or null if it was set now.
  const known = await redis.set(MASTER_KEY, fresh, 'NX', 'GET');
  const key = Buffer.from(known ?? fresh, 'base64');
  if (key.length !== KEY_BYTES)
    throw new Error(
      `${MASTER_KEY} in Redis is not a key of ${KEY_BYTES} bytes. Restore its old value, or set SECRETS_KEY.`,
    );
  return key;
};
