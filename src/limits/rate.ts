/**
 * A rate that all processes share: rate-limiter-flexible counts in Redis, in fixed windows. While Redis is away each
 * process counts for itself. A key over its limit is remembered here, so Redis is not asked about it again in its window.
 */
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

export interface RateOptions {
  readonly redis: Redis;
  /** Part of the keys in Redis: `limit:<name>:<key>`, each with a TTL of `seconds`. */
  readonly name: string;
  /** What one key can take in each window; 0: no limit. */
  readonly points: number;
  readonly seconds: number;
}

export class Rate {
  readonly points: number;
  readonly seconds: number;
  readonly #limiter: RateLimiterRedis;

  constructor({ redis, name, points, seconds }: RateOptions) {
    this.points = points;
    this.seconds = seconds;
    const bounds = { keyPrefix: `limit:${name}`, points, duration: seconds };
    this.#limiter = new RateLimiterRedis({
      ...bounds,
      storeClient: redis,
      // Nothing waits on the connection's queue while Redis is away.
      rejectIfRedisNotReady: true,
      inMemoryBlockOnConsumed: points,
      insuranceLimiter: new RateLimiterMemory(bounds),
    });
  }

  /**
   * Takes points of the key's window. Returns 0, or the milliseconds until the window ends if it has not so many left.
   * Never throws. Can run concurrently.
   */
  async take(key: string, points = 1): Promise<number> {
    if (this.points === 0) return 0;
    try {
      await this.#limiter.consume(key, points);
      return 0;
    } catch (error) {
      // Redis and the insurance fail: nobody is refused for that.
      return error instanceof RateLimiterRes ? Math.max(error.msBeforeNext, 1) : 0;
    }
  }
}
