/**
 * How many things of one caller are open at once, over all processes: WebSockets, subscriptions. Each process reserves
 * places in Redis, a few more than it needs, and renews them; those of a process that died expire. So no counter drifts,
 * and most openings do not ask Redis. While Redis is away, a process grants places by its own numbers.
 */
import type { Redis } from 'ioredis';
import { HOLD } from '../wire/scripts/limitScripts.ts';
import { Script } from '../wire/scripts/script.ts';

const hold = new Script(HOLD);

/** Reservations of a process that died are void after this time. */
const TTL_MS = 30_000;
const RENEW_MS = 10_000;
/** Places that are not needed are returned after this time. */
const RETURN_MS = 100;
/** A process reserves this part of the limit in advance. */
const BLOCKS = 100;

export interface HeldOptions {
  readonly redis: Redis;
  /** Part of the keys in Redis: `limit:<name>:<key>`. */
  readonly name: string;
  /** Places of one key; 0: no limit. */
  readonly most: number;
  /** Name of this process. */
  readonly instance: string;
}

interface Holder {
  used: number;
  reserved: number;
  waiting: number;
  asking: Promise<boolean> | null;
  returning: NodeJS.Timeout | null;
}

const NOTHING = (): void => undefined;

export class Held implements AsyncDisposable {
  readonly most: number;
  readonly #options: HeldOptions;
  readonly #block: number;
  readonly #holders = new Map<string, Holder>();
  readonly #renewal: NodeJS.Timeout;

  constructor(options: HeldOptions) {
    this.#options = options;
    this.most = options.most;
    this.#block = Math.floor(options.most / BLOCKS);
    this.#renewal = setInterval(() => void this.#renew(), RENEW_MS);
    this.#renewal.unref();
  }

  /** Takes a place. Returns the function that frees it (once; more calls do nothing), or null if none is left. */
  async take(key: string): Promise<(() => void) | null> {
    if (this.most === 0) return NOTHING;
    const holder = this.#holderOf(key);
    holder.waiting += 1;
    let found = true;
    // Others can take what was reserved for this one: it asks again, until Redis has no more.
    while (found && holder.used >= holder.reserved) found = await this.#reserve(key, holder);
    holder.waiting -= 1;
    if (holder.used >= holder.reserved) return null;
    holder.used += 1;
    let freed = false;
    return () => {
      if (freed) return;
      freed = true;
      holder.used -= 1;
      this.#returnSpare(key, holder);
    };
  }

  /** Returns all places. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#renewal);
    const keys = [...this.#holders];
    this.#holders.clear();
    for (const [, { returning }] of keys) if (returning !== null) clearTimeout(returning);
    await Promise.all(keys.map(([key]) => this.#ask(key, 0)));
  }

  /**
   * Reserves what is used and waited for, and some in advance; nothing for a key that is not used any more. Resolves with
   * whether all that were counted have a place.
   */
  #reserve(key: string, holder: Holder): Promise<boolean> {
    holder.asking ??= (async () => {
      // Those that come in the same turn are counted too.
      await Promise.resolve();
      const needed = holder.used + holder.waiting;
      if (needed === 0) this.#holders.delete(key);
      const wanted = needed === 0 ? 0 : needed + this.#block;
      // What is returned is not used from now on, whenever the answer comes.
      holder.reserved = Math.min(holder.reserved, wanted);
      holder.reserved = (await this.#ask(key, wanted)) ?? Math.min(wanted, this.most);
      holder.asking = null;
      return holder.reserved >= needed;
    })();
    return holder.asking;
  }

  #returnSpare(key: string, holder: Holder): void {
    const spare = holder.reserved - holder.used;
    if (holder.returning !== null || (spare <= this.#block && holder.used > 0)) return;
    holder.returning = setTimeout(() => {
      holder.returning = null;
      void this.#adjust(key, holder);
    }, RETURN_MS);
    holder.returning.unref();
  }

  async #adjust(key: string, holder: Holder): Promise<void> {
    if (holder.asking !== null) await holder.asking;
    await this.#reserve(key, holder);
  }

  async #renew(): Promise<void> {
    await Promise.all([...this.#holders].map(([key, holder]) => this.#adjust(key, holder)));
  }

  #holderOf(key: string): Holder {
    const known = this.#holders.get(key);
    if (known !== undefined) return known;
    const made: Holder = { used: 0, reserved: 0, waiting: 0, asking: null, returning: null };
    this.#holders.set(key, made);
    return made;
  }

  /** Reserves places. Returns how many the process has now; null while Redis is away. */
  async #ask(key: string, wanted: number): Promise<number | null> {
    const { redis, name, most, instance } = this.#options;
    if (redis.status !== 'ready') return null;
    try {
      return Number(await hold.run(redis, [`limit:${name}:${key}`], [instance, wanted, most, TTL_MS]));
    } catch {
      return null;
    }
  }
}
