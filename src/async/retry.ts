import { abortable } from './abortable.ts';
import { pause } from './pause.ts';

export interface RetryOptions {
  /** Ends the retrying, and the wait for an attempt that is under way. */
  readonly signal: AbortSignal;
  /** Milliseconds to wait after the n-th failure (1, 2, …). */
  readonly pauseMs: (failures: number) => number;
  /** True: the error is thrown at once. Default: no error is final. */
  readonly isFinal?: (error: unknown) => boolean;
  /** Called after each failure that is retried; `failures` is 1 at the first. */
  readonly onFailure?: (error: unknown, failures: number) => void;
}

/**
 * Repeats `operation`, which must be safe to repeat, until it succeeds. The number of attempts has no bound; the signal
 * ends them. @throws the signal's reason, or a final error
 */
export const retry = async <T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> => {
  const { signal, pauseMs, isFinal = () => false, onFailure = () => undefined } = options;
  for (let failures = 1; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await abortable(operation(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error)) throw error;
      onFailure(error, failures);
    }
    await pause(pauseMs(failures), signal);
  }
};

/** Pauses that double from `firstMs` up to `longestMs`. */
export const doubling =
  (firstMs: number, longestMs: number) =>
  (failures: number): number =>
    Math.min(firstMs * 2 ** (failures - 1), longestMs);

/** Faults of the program, which no retry repairs. */
export const isProgramError = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
