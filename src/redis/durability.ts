/** Whether a Redis can lose what it has acknowledged. */
import type { Redis } from 'ioredis';

/**
 * False only if each write is on disk before it is acknowledged (appendonly yes, appendfsync always), and no replica can
 * take over without the newest writes. True if CONFIG is refused, as in managed services. @throws the connection's error
 */
export const mayLoseAcknowledged = async (redis: Redis): Promise<boolean> => {
  try {
    const answer = (await redis.call('CONFIG', 'GET', 'append*')) as readonly string[];
    const setting = (name: string): string | undefined => answer[answer.indexOf(name) + 1];
    if (setting('appendonly') !== 'yes' || setting('appendfsync') !== 'always') return true;
    return /^connected_slaves:[1-9]/m.test(await redis.info('replication'));
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return true;
    throw error;
  }
};
