/** The clock of Redis. Cancels are stamped with it, so the command's exit must be too. */
import type { Redis } from 'ioredis';
import type { EpochMs } from '../../src/domain/events.ts';
import { retryRedis } from './retryRedis.ts';

/** A reply within this time, milliseconds, is exact enough. */
const QUICK_MS = 5;
const MAX_TRIES = 3;

/** Advances with the monotonic clock, so changes of the local wall clock do not matter. */
export class RedisClock {
  readonly #redisAtZero: number;

  /** `redisAtZero`: time of Redis when performance.now() was 0. */
  constructor(redisAtZero: EpochMs) {
    this.#redisAtZero = redisAtZero;
  }

  /** Now. The error is at most half of the round trip to Redis. */
  now(): EpochMs {
    return this.at(performance.now());
  }

  /** The same for an earlier result of performance.now(). */
  at(monotonic: number): EpochMs {
    return this.#redisAtZero + monotonic;
  }
}

/**
 * Asks for the time up to three times and uses the quickest reply. Waits while Redis is away. @throws the signal's
 * reason
 */
export const readClock = async (redis: Redis, signal: AbortSignal): Promise<RedisClock> => {
  let best = { took: Number.POSITIVE_INFINITY, redisAtZero: 0 };
  for (let tries = 0; tries < MAX_TRIES && best.took > QUICK_MS; tries += 1) {
    let askedAt = 0;
    const [seconds, microseconds] = await retryRedis(() => {
      askedAt = performance.now();
      return redis.time();
    }, signal);
    const took = performance.now() - askedAt;
    const redisNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    if (took < best.took) best = { took, redisAtZero: redisNow - askedAt - took / 2 };
  }
  return new RedisClock(best.redisAtZero);
};
