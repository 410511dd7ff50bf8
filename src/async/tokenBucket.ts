/** Rate limiting: a bucket of tokens that refills at a constant rate. */

export interface Rate {
  /** Tokens of a full bucket: what can come at once. */
  readonly burst: number;
  readonly perSecond: number;
}

export class TokenBucket {
  readonly #rate: Rate;
  #left: number;
  #at = performance.now();

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** Takes so many tokens; false if there were not as many. */
  take(tokens: number): boolean {
    const now = performance.now();
    const { burst, perSecond } = this.#rate;
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1000) * perSecond) - tokens;
    this.#at = now;
    return this.#left >= 0;
  }
}
