/** Finds things that were there in every look for a grace period. */
export class Overdue<Thing> {
  readonly #graceMs: number;
  readonly #now: () => number;
  /** The things of the last look, with the time of the first one in a row. */
  #since = new Map<Thing, number>();

  constructor(graceMs: number, now: () => number = () => performance.now()) {
    this.#graceMs = graceMs;
    this.#now = now;
  }

  /** Notes what is there now. Returns the things that were in every note for the grace period. */
  note(things: Iterable<Thing>): Thing[] {
    const now = this.#now();
    const since = new Map<Thing, number>();
    for (const thing of things) since.set(thing, this.#since.get(thing) ?? now);
    this.#since = since;
    return [...since].filter(([, first]) => now - first >= this.#graceMs).map(([thing]) => thing);
  }
}
