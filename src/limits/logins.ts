/**
 * Wrong tokens of one address. Tokens cannot be guessed (256 random bits, or a signature); this bounds the work and the
 * noise that somebody makes who tries.
 *
 * - The same wrong token again is not a new guess: a client with an old token does not use up the limit of its address.
 * - Beyond the limit, tokens that were right before pass at once, and wrong ones are refused unchecked. Of those that are
 *   not known some are checked each second: so the right token of a new client behind the same address passes too.
 */
import { createHash } from 'node:crypto';
import { TokenBucket } from '../async/tokenBucket.ts';
import { NewestMap } from '../collections/newestMap.ts';
import type { Rate } from './rate.ts';

/** Tokens that are remembered, of each kind: the newest. */
const KNOWN = 10_000;
/** Addresses over their limit that are remembered; others are found again by their next wrong token. */
const BLOCKED = 10_000;
/** Unknown tokens of an address over its limit that are checked: so many at once, then each second. */
const TRIALS = { burst: 20, perSecond: 10 };

interface Blocked {
  /** performance.now of the end. */
  readonly until: number;
  readonly trials: TokenBucket;
}

export class Logins {
  readonly #rate: Rate;
  readonly #right = new NewestMap<string, true>(KNOWN);
  /** performance.now of the first time. */
  readonly #wrong = new NewestMap<string, number>(KNOWN);
  readonly #blocked = new NewestMap<string, Blocked>(BLOCKED);

  /** @param rate different wrong tokens of an address */
  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Before the token is checked: 0, or the milliseconds until the address can try again. */
  waitMs(address: string, token: string): number {
    if (this.#rate.points === 0) return 0;
    const blocked = this.#blocked.get(address);
    const now = performance.now();
    if (blocked === undefined || blocked.until <= now) return 0;
    const name = fingerprint(token);
    if (this.#right.get(name)) return 0;
    if (this.#wrong.get(name) === undefined && blocked.trials.take(1)) return 0;
    return blocked.until - now;
  }

  right(token: string): void {
    if (this.#rate.points > 0) this.#right.set(fingerprint(token), true);
  }

  /** Counts a wrong token. Resolves with 0, or the milliseconds until the address can try again. */
  async wrong(address: string, token: string): Promise<number> {
    if (this.#rate.points === 0) return 0;
    const now = performance.now();
    const name = fingerprint(token);
    const first = this.#wrong.get(name);
    if (first !== undefined && now - first < this.#rate.seconds * 1000) return 0;
    this.#wrong.set(name, now);
    const waitMs = await this.#rate.take(address);
    if (waitMs > 0) {
      const trials = this.#blocked.get(address)?.trials ?? new TokenBucket(TRIALS);
      this.#blocked.set(address, { until: performance.now() + waitMs, trials });
    }
    return waitMs;
  }
}

const fingerprint = (token: string): string => createHash('sha256').update(token).digest('base64url');
