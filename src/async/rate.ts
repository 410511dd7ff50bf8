/** How often a client may do something: a bucket of permits that fills up again. */

export interface Rate {
  /** Permits of a full bucket: what may come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export class Bucket {
  readonly #rate: Rate;
  #left: number;
  #at = performance.now();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** Takes so many permits; false where there were not as many. */
  take(permits: number): boolean {
    const now = performance.now();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond) - permits;
    this.#at = now;
    return this.#left >= 0;
  }
}
