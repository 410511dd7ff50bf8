/**
 * Loads many keys with one request, as DataLoader does, but without a cache, with a bounded number of requests under
 * way, and with a signal for each caller. Keys that are asked for meanwhile gather for the next request, so a store
 * that does not answer holds a few requests, however many callers come and go.
 */
import { Latch } from './latch.ts';

/** Requests under way at once. */
const MAX_REQUESTS = 4;

interface Pending<Value> {
  readonly latch: Latch;
  /** Callers that wait for it; at 0 the key is not requested. */
  callers: number;
  value: Value | null;
}

export class BatchLoader<Key, Value> {
  readonly #request: (keys: readonly Key[]) => Promise<readonly (Value | null)[]>;
  readonly #maxKeys: number;
  #gathered = new Map<Key, Pending<Value>>();
  #underWay = 0;

  /**
   * @param request answers in the order of the keys
   * @param maxKeys keys of one request
   */
  constructor(
    request: (keys: readonly Key[]) => Promise<readonly (Value | null)[]>,
    maxKeys = Number.POSITIVE_INFINITY,
  ) {
    this.#request = request;
    this.#maxKeys = maxKeys;
  }

  /** Keys that wait for a request. */
  get waiting(): number {
    return this.#gathered.size;
  }

  /** The value, as a request sent after this call finds it; null if there is none. @throws the request's error, or the signal's reason */
  async load(key: Key, signal: AbortSignal | null = null): Promise<Value | null> {
    const pending = this.#gathered.get(key) ?? { latch: new Latch(), callers: 0, value: null };
    this.#gathered.set(key, pending);
    pending.callers += 1;
    if (this.#gathered.size === 1) setImmediate(() => this.#send());
    try {
      await pending.latch.wait(signal);
      return pending.value;
    } finally {
      pending.callers -= 1;
      if (pending.callers === 0 && this.#gathered.get(key) === pending) this.#gathered.delete(key);
    }
  }

  #send(): void {
    while (this.#underWay < MAX_REQUESTS && this.#gathered.size > 0) {
      const batch = [...this.#gathered].slice(0, this.#maxKeys);
      for (const [key] of batch) this.#gathered.delete(key);
      this.#underWay += 1;
      void this.#settle(batch).finally(() => {
        this.#underWay -= 1;
        this.#send();
      });
    }
  }

  /** Never rejects. */
  async #settle(batch: readonly (readonly [Key, Pending<Value>])[]): Promise<void> {
    try {
      const values = await this.#request(batch.map(([key]) => key));
      for (const [i, [, pending]] of batch.entries()) {
        pending.value = values[i] ?? null;
        pending.latch.open();
      }
    } catch (error) {
      for (const [, pending] of batch) pending.latch.fail(error);
    }
  }
}
