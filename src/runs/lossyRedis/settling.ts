/**
 * After a Redis that may lose what it has acknowledged was away, it can be back without its newest second.
 * Whoever has that puts it back: executors, and supervisors the ends they saw. Until they had time for it,
 * nobody may start, adopt or end a run by what Redis shows.
 */
import type { Redis } from 'ioredis';
import { pause } from '../../async/pause.ts';
import type { EpochMs } from '../../domain/events.ts';

/** Executors and services are connected again within 1 s, and look within 2 s more. */
const SETTLE_MS = 5000;
const LOOK_EVERY_MS = 100;

export class Settling {
  readonly #redis: Redis;
  /** When Redis was last there again, as far as this process knows. */
  #back = { monotonic: performance.now(), wall: Date.now() };

  constructor(redis: Redis) {
    this.#redis = redis;
    redis.on('ready', () => {
      this.#back = { monotonic: performance.now(), wall: Date.now() };
    });
  }

  /** True where `run` may be what a Redis that lost its tail shows. One that was made since cannot. */
  doubtful(run: { readonly createdAt: EpochMs }): boolean {
    if (run.createdAt > this.#back.wall) return false;
    return this.#redis.status !== 'ready' || performance.now() - this.#back.monotonic < SETTLE_MS;
  }

  /** Resolves when what Redis shows of the run can be relied upon; at once nearly always. @throws the signal's reason */
  async settled(run: { readonly createdAt: EpochMs }, signal: AbortSignal): Promise<void> {
    while (this.doubtful(run)) await pause(LOOK_EVERY_MS, signal);
  }
}
