/** Which of the things that are noted again and again have been there for some time. */
export class Overdue<Thing> {
  readonly #graceMs: number;
  readonly #now: () => number;
  /** Holds what the last note held, no more. */
  #since = new Map<Thing, number>();

  constructor(graceMs: number, now: () => number = () => performance.now()) {
    this.#graceMs = graceMs;
    this.#now = now;
  }

  /** Notes what is there now, and answers those that were in every note for the grace period. */
  note(things: Iterable<Thing>): Thing[] {
    const now = this.#now();
    const since = new Map<Thing, number>();
    for (const thing of things) since.set(thing, this.#since.get(thing) ?? now);
    this.#since = since;
    return [...since].filter(([, first]) => now - first >= this.#graceMs).map(([thing]) => thing);
  }
}
