/** A map of bounded size: beyond `most` keys it forgets the one that was set longest ago. */
export class NewestMap<Key, Value> {
  readonly #most: number;
  readonly #values = new Map<Key, Value>();

  /** @param most keys, at least 1 */
  constructor(most: number) {
    this.#most = most;
  }

  /** Reading a key does not make it newer. */
  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  has(key: Key): boolean {
    return this.#values.has(key);
  }

  /** The key is the newest from now on. */
  set(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#most) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}
