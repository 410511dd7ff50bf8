/**
 * What the runs' parts do because a Redis may lose what it has acknowledged (PROTOCOL.md, part 4): wait until it
 * has been put back, put back ends, and learn how far viewers were led. With a Redis that syncs each write
 * there is none of it.
 */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { KeptEndings } from './seenEndings.ts';
import { Settling } from './settling.ts';

export interface LostTails {
  readonly settling: Settling;
  readonly endings: KeptEndings;
  close(): void;
}

/** How long an executor stays after its last word: a Redis that syncs each second may take two for it. */
export const LINGER_MS = 2000;

/** Used for as long as the process lives; `close` ends its timers. */
export const watchLostTails = (redis: Redis, log: Logger): LostTails => {
  const endings = new KeptEndings(redis, log);
  return { settling: new Settling(redis), endings, close: () => endings.close() };
};
