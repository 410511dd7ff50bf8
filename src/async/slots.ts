/** Work of which so much is done at once; who waits for a place can leave without a trace. */
import { Latch } from './latch.ts';

export class Slots {
  #free: number;
  readonly #waiting = new Set<Latch>();

  constructor(places: number) {
    this.#free = places;
  }

  /** Does the work when it has a place. @throws the signal's reason while it waits, or what the work throws */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | null = null): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else {
        this.#waiting.delete(next);
        next.open();
      }
    }
  }

  async #turn(signal: AbortSignal | null): Promise<void> {
    const turn = new Latch();
    this.#waiting.add(turn);
    try {
      await turn.wait(signal);
    } catch (error) {
      this.#waiting.delete(turn);
      throw error;
    }
  }
}
