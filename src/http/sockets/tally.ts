/** Counts connections or WebSockets, per client address and in total. */

export interface TallyBounds {
  readonly perAddress: number;
  readonly all: number;
}

export class Tally {
  readonly #bounds: TallyBounds;
  /** Has no entry for an address with a count of 0. */
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  constructor(bounds: TallyBounds) {
    this.#bounds = bounds;
  }

  /** The bound that one more would exceed, or null. */
  full(address: string): keyof TallyBounds | null {
    if ((this.#byAddress.get(address) ?? 0) >= this.#bounds.perAddress) return 'perAddress';
    return this.#all >= this.#bounds.all ? 'all' : null;
  }

  add(address: string): void {
    this.#change(address, 1);
  }

  remove(address: string): void {
    this.#change(address, -1);
  }

  #change(address: string, count: number): void {
    const held = (this.#byAddress.get(address) ?? 0) + count;
    if (held > 0) this.#byAddress.set(address, held);
    else this.#byAddress.delete(address);
    this.#all += count;
  }
}
