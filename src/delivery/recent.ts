/** What was made and may be of use again soon: kept up to a bound, in bytes, of all together; the oldest is forgotten. */
interface Kept {
  readonly bytes: number;
  readonly forget: () => void;
}

export class Recent<T extends object> {
  readonly #bound: number;
  readonly #kept = new Map<T, Kept>();
  #bytes = 0;

  /** @param bound bytes */
  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Call it once for each. @param forget is called when it has to go, which may be now */
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
