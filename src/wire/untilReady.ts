/** Waits for a connection, so that no command is queued on it which nobody may need any more. */
import type { Redis } from 'ioredis';
import { Latch } from '../async/latch.ts';

/** One listener for all callers that wait for a connection. */
const waiting = new WeakMap<Redis, Latch>();

/** Resolves when the connection accepts commands. @throws the signal's reason */
export const untilReady = async (redis: Redis, signal: AbortSignal): Promise<void> => {
  if (redis.status === 'ready') return;
  const known = waiting.get(redis);
  const latch = known ?? new Latch();
  if (known === undefined) {
    waiting.set(redis, latch);
    redis.once('ready', () => {
      waiting.delete(redis);
      latch.open();
    });
  }
  await latch.wait(signal);
};
