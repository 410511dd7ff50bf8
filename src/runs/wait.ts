/** Waiting that ends: for Redis to come back, for a while, for an answer within a time. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Refusal, Unavailable } from '../domain/errors.ts';
import { unlessAborted } from '../log/unlessAborted.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2000;
/** How long a caller of the API waits for Redis before it is told Unavailable. */
export const STORE_DEADLINE_MS = 5000;

/** Aborts with the signal, or when nobody waits for the answer any more (see answered). */
export const withDeadline = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(STORE_DEADLINE_MS)]);

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
 * One operation of the API on Redis: answered within STORE_DEADLINE_MS, or refused.
 * @throws Unavailable; refusals and program errors as they are
 */
export const answered = async <T>(operation: () => Promise<T>): Promise<T> => {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => deadline.reject(new Unavailable(undefined, new Error('Redis did not answer in time'))),
    STORE_DEADLINE_MS,
  );
  const work = operation();
  work.catch(() => undefined);
  try {
    return await Promise.race([work, deadline.promise]);
  } catch (error) {
    if (isProgramError(error)) throw error;
    throw new Unavailable(undefined, error);
  } finally {
    clearTimeout(timer);
  }
};
