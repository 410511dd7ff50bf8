/** Waiting for a connection, so that what nobody may want any more is not queued on it. */
import type { Redis } from 'ioredis';
import { Latch } from '../async/latch.ts';

/** Who waits for each connection: one listener for all of them. */
const waiting = new WeakMap<Redis, Latch>();

/** Resolves when the connection takes commands, at once nearly always. @throws the signal's reason */
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
