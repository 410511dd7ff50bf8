/** A source that is polled: an item at hand costs no promise, which with many viewers is most of the cost. */

/** Nothing is at hand: wait for `more`. */
export const LATER = Symbol('later');

export interface Source<T> {
  /** The next item, LATER, or null at the end. Can throw what `more` throws. */
  take(): T | typeof LATER | null;
  /** Called after LATER; resolves when `take` should be tried again. One call at a time. @throws the signal's reason */
  more(signal: AbortSignal): Promise<void>;
  /** Frees what it holds, at once. Safe to repeat. */
  close(): void;
}
