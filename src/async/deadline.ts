import { abortable } from './abortable.ts';

export interface Deadline {
  readonly ms: number;
  /** The error at the deadline. Default: an Error that names the time. */
  readonly late?: () => Error;
  /** Ends the wait before the deadline. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The result of `operation`, or a rejection when the time is over. The signal that `operation` gets aborts at the
 * deadline and with `deadline.signal`: what it has not begun by then must not begin.
 * @throws `late()`, the reason of `deadline.signal`, or what `operation` throws
 */
export const withDeadline = async <T>(
  operation: (signal: AbortSignal) => Promise<T>,
  deadline: Deadline,
): Promise<T> => {
  const { ms, late = () => new Error(`no answer within ${ms} ms`), signal: given } = deadline;
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(late()), ms);
  const signal = given === undefined ? over.signal : AbortSignal.any([over.signal, given]);
  try {
    return await abortable(operation(signal), signal);
  } finally {
    clearTimeout(timer);
  }
};
