/** The installation's id: it separates the containers of two services that share an engine. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { INSTALLATION } from './indexKeys.ts';

/** The id: made by the first call on this Redis, the same for all processes. Safe to repeat. @throws the connection's error */
export const installationId = async (redis: Redis): Promise<string> => {
  const fresh = randomUUID();
  const known = await redis.set(INSTALLATION, fresh, 'NX', 'GET');
  return known ?? fresh;
};
