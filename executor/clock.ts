/** Redis' clock, seen from here: cancels are stamped with it, and must be compared with the exit. */
import type { EpochMs } from '../src/domain/events.ts';

/** Steps of the local wall clock do not matter: what passes since is measured by the monotonic clock. */
export class RedisClock {
  readonly #redisAtZero: number;

  /** `askedAt` and `answeredAt` by performance.now(), around the question that Redis answered with `redisNow`. */
  constructor(redisNow: EpochMs, askedAt: number, answeredAt: number) {
    this.#redisAtZero = redisNow - (askedAt + answeredAt) / 2;
  }

  /** Now by Redis' clock, in milliseconds; wrong by half the way to Redis and back at most. */
  now(): EpochMs {
    return this.#redisAtZero + performance.now();
  }
}
