/**
 * A rate for what happens too often to ask Redis each time: messages, bytes, costs. Each process takes a block of points
 * from the shared rate and spends it here, so a spend costs a map lookup. It learns a little late that a key is over its
 * limit: after a block at most. That is 2 % of the limit for each process.
 */
import type { Rate } from './rate.ts';

/** A block is this part of the limit. */
const BLOCKS = 50;
/** So many keys are known before idle ones are forgotten. */
const MOST_IDLE = 1000;
/** Pause of a key that owes more than its whole limit, because Redis has not answered about it yet, ms. */
const OWING_MS = 1000;

interface Purse {
  /** Points that are taken and not spent. Negative while Redis is asked. */
  left: number;
  asking: boolean;
  /** Over the limit until then (performance.now). */
  blockedUntil: number;
  usedAt: number;
}

export class Allowance {
  readonly #rate: Rate;
  readonly #block: number;
  readonly #purses = new Map<string, Purse>();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#block = Math.max(1, Math.floor(rate.points / BLOCKS));
  }

  /** Spends points. Returns 0, or the milliseconds until the key can go on: then nothing is spent. */
  spend(key: string, points: number): number {
    if (this.#rate.points === 0) return 0;
    const now = performance.now();
    const purse = this.#purseOf(key, now);
    if (purse.blockedUntil > now) return purse.blockedUntil - now;
    if (purse.left <= -this.#rate.points) return OWING_MS;
    purse.left -= points;
    purse.usedAt = now;
    if (purse.left < this.#block / 2 && !purse.asking) void this.#fill(key, purse);
    return 0;
  }

  async #fill(key: string, purse: Purse): Promise<void> {
    purse.asking = true;
    const wanted = Math.ceil(this.#block - Math.min(purse.left, 0));
    const waitMs = await this.#rate.take(key, wanted);
    purse.asking = false;
    if (waitMs === 0) {
      purse.left += wanted;
    } else {
      purse.left = 0;
      purse.blockedUntil = performance.now() + waitMs;
    }
  }

  #purseOf(key: string, now: number): Purse {
    const known = this.#purses.get(key);
    if (known !== undefined) return known;
    if (this.#purses.size >= MOST_IDLE) this.#forgetIdle(now);
    const made: Purse = { left: this.#block, asking: false, blockedUntil: 0, usedAt: now };
    this.#purses.set(key, made);
    return made;
  }

  #forgetIdle(now: number): void {
    const oldest = now - 2 * this.#rate.seconds * 1000;
    for (const [key, { usedAt, blockedUntil, asking }] of this.#purses) {
      if (!asking && usedAt < oldest && blockedUntil < now) this.#purses.delete(key);
    }
  }
}
