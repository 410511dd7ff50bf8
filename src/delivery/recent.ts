interface Kept {
  readonly bytes: number;
  readonly forget: () => void;
}

/** A cache bounded by the bytes of all items together: the oldest item is forgotten first. */
export class Recent<T extends object> {
  readonly #bound: number;
  readonly #kept = new Map<T, Kept>();
  #bytes = 0;

  /** @param bound bytes */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Call it once for each item. @param forget called when the item has to go, possibly during this call */
  keep(item: T, bytes: number, forget: () => void): void {
    this.#kept.set(item, { bytes, forget });
    this.#bytes += bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= this.#bound) return;
      this.#kept.delete(oldest);
      this.#bytes -= kept.bytes;
      kept.forget();
    }
  }
}
