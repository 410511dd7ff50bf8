/** Waiting that ends: for Redis to come back, for a while, for an answer within a time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { unlessAborted } from '../async/unlessAborted.ts';
import { Refusal, Unavailable } from '../domain/errors.ts';
import { isReply } from '../wire/takesWrites.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** How long a caller of the API waits for Redis before it is told Unavailable. */
export const STORE_DEADLINE_MS = 5000;

/** @throws the signal's reason */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
};

/** Faults of the program itself, which no repetition mends. */
const isProgramError = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError || error instanceof Refusal;

/**
 * Repeats `operation` until it goes through, with growing pauses: Redis (or the engine) is away and
 * will be back. The operation must be safe to repeat. @throws the signal's reason; program errors at once.
 */
export const persist = async <T>(
  operation: () => Promise<T>,
  signal: AbortSignal,
  log: Pick<Logger, 'warn'>,
): Promise<T> => {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return await unlessAborted(operation(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isProgramError(error)) throw error;
      if (pauseMs === FIRST_PAUSE_MS) log.warn({ err: error }, 'no answer yet, trying again');
    }
    await pause(pauseMs, signal);
  }
};

/**
 * One operation of the API on Redis: answered within STORE_DEADLINE_MS, or refused. Its signal aborts when it is given
 * up, also by `given`: what it has not begun by then must not be begun any more. The cause of a refusal is logged.
 * @throws Unavailable; refusals, program errors and what no repetition mends as they are
 */
export const answered = async <T>(
  operation: (signal: AbortSignal) => Promise<T>,
  log: Pick<Logger, 'warn'>,
  given?: AbortSignal,
): Promise<T> => {
  const deadline = new AbortController();
  const late = new Error(`Redis did not answer within ${STORE_DEADLINE_MS} ms`);
  const timer = setTimeout(() => deadline.abort(late), STORE_DEADLINE_MS);
  try {
    const signal = given === undefined ? deadline.signal : AbortSignal.any([deadline.signal, given]);
    return await unlessAborted(operation(signal), signal);
  } catch (error) {
    given?.throwIfAborted();
    // What Redis can't do now or later is a fault of this program's, or of who changed its keys: told as such, with an id.
    if (isReply(error) && /^(ERR|WRONGTYPE) /.test(error.message)) throw error;
    // A refusal that has a cause is not the client's doing alone.
    if (isProgramError(error)) {
      if (error instanceof Refusal && error.cause !== undefined) log.warn({ err: error }, 'a request was refused');
      throw error;
    }
    log.warn({ err: error }, 'an operation on Redis failed');
    throw new Unavailable(undefined, error);
  } finally {
    clearTimeout(timer);
  }
};
