/** A few at a time: who comes beyond waits in order. */
import { Busy } from '../domain/errors.ts';

/** Gives the seat back; safe to repeat. */
export type Leave = () => void;

/** Who waits for a seat at most; beyond it, what comes is refused. */
const MAX_WAITING = 200;

export class Seats {
  readonly #what: string;
  readonly #waiting = new Set<() => void>();
  #free: number;

  /** @param what of, for people: "large answers" */
  constructor(count: number, what: string) {
    this.#free = count;
    this.#what = what;
  }

  /** @throws the signal's reason; Busy where too many wait */
  async take(signal: AbortSignal): Promise<Leave> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return this.#leave();
    }
    if (this.#waiting.size >= MAX_WAITING)
      throw new Busy(`Too many ${this.#what} are waited for. Try again in a moment.`);
    await new Promise<void>((resolve, reject) => {
      const called = (): void => {
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      const aborted = (): void => {
        this.#waiting.delete(called);
        reject(signal.reason);
      };
      this.#waiting.add(called);
      signal.addEventListener('abort', aborted, { once: true });
    });
    return this.#leave();
  }

  #leave(): Leave {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#free += 1;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}
