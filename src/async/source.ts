/** Something to take from: at once where there is something, without a promise, which in a crowd is most of the cost. */

/** Nothing is at hand: wait for `more`. */
export const LATER = Symbol('later');

export interface Source<T> {
  /** The next one, LATER, or null at the end. May throw what `more` throws. */
  take(): T | typeof LATER | null;
  /** Called after LATER; resolves when `take` should be tried again. One call at a time. @throws the signal's reason */
  more(signal: AbortSignal): Promise<void>;
  /** Frees what it holds, at once. Safe to repeat. */
  close(): void;
}
