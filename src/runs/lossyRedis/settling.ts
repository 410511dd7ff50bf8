/**
 * The time after an outage of Redis in which its records are doubtful: it can be back without its newest second.
 * Executors write what was lost again, and services the ends that they have seen. Until they had time for it, no run is
 * started, adopted or ended by what Redis shows.
 */
import type { Redis } from 'ioredis';
import { pause } from '../../async/pause.ts';
import type { EpochMs } from '../../domain/events.ts';

/** Executors and services are connected again within 1 s, and look within 2 s more. */
const SETTLE_MS = 5000;
const LOOK_EVERY_MS = 100;

export class Settling {
  readonly #redis: Redis;
  /** When Redis was last there again, as seen by this process. */
  #back = { monotonic: performance.now(), wall: Date.now() };

  constructor(redis: Redis) {
    this.#redis = redis;
    redis.on('ready', () => {
      this.#back = { monotonic: performance.now(), wall: Date.now() };
    });
  }

  /** Whether `run` can be a record of a Redis that lost its newest writes. A run that was made since cannot. */
  doubtful(run: { readonly createdAt: EpochMs }): boolean {
    if (run.createdAt > this.#back.wall) return false;
    return this.#redis.status !== 'ready' || performance.now() - this.#back.monotonic < SETTLE_MS;
  }

  /** Resolves when the run is not doubtful: at once, except after an outage. @throws the signal's reason */
  async untilSettled(run: { readonly createdAt: EpochMs }, signal: AbortSignal): Promise<void> {
    while (this.doubtful(run)) await pause(LOOK_EVERY_MS, signal);
  }
}
