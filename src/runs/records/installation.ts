/** The installation's id: what tells this service's containers from those of another on the same engine. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { INSTALLATION } from './indexKeys.ts';

/** The id, made at the first call ever on this Redis; the same for all processes. @throws the connection's error */
export const installationId = async (redis: Redis): Promise<string> => {
  const fresh = randomUUID();
  const known = await redis.set(INSTALLATION, fresh, 'NX', 'GET');
  return known ?? fresh;
};
