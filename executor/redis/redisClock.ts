/** Redis' clock, seen from here: cancels are stamped with it, and must be compared with the exit. */
import type { Redis } from 'ioredis';
import type { EpochMs } from '../../src/domain/events.ts';
import { untilDone } from './untilDone.ts';

/** An answer that took longer, milliseconds, was held up (by a reconnect, say) and is asked for again. */
const QUICK_MS = 5;
const QUESTIONS = 3;

/** Steps of the local wall clock do not matter: what passes since is measured by the monotonic clock. */
export class RedisClock {
  readonly #redisAtZero: number;

  /** `redisAtZero`: Redis' instant when performance.now() was 0. */
  constructor(redisAtZero: EpochMs) {
    this.#redisAtZero = redisAtZero;
  }

  /** Now by Redis' clock, in milliseconds; wrong by half the way to Redis and back at most. */
  now(): EpochMs {
    return this.at(performance.now());
  }

  /** The same for an instant of performance.now(). */
  at(monotonic: number): EpochMs {
    return this.#redisAtZero + monotonic;
  }
}

/** Asks for the time, up to three times, and takes the quickest answer. Waits for Redis. @throws the signal's reason */
export const readClock = async (redis: Redis, signal: AbortSignal): Promise<RedisClock> => {
  let best = { took: Number.POSITIVE_INFINITY, redisAtZero: 0 };
  for (let asked = 0; asked < QUESTIONS && best.took > QUICK_MS; asked += 1) {
    let askedAt = 0;
    const [seconds, microseconds] = await untilDone(() => {
      askedAt = performance.now();
      return redis.time();
    }, signal);
    const took = performance.now() - askedAt;
    const redisNow = Number(seconds) * 1000 + Number(microseconds) / 1000;
    if (took < best.took) best = { took, redisAtZero: redisNow - askedAt - took / 2 };
  }
  return new RedisClock(best.redisAtZero);
};
