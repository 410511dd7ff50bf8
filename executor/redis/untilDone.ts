/** Redis may be away, full, read-only or loading: what must reach it is repeated for as long as it takes. */
import { setTimeout as delay } from 'node:timers/promises';
import { safeError } from '../../src/domain/text/safeError.ts';
import { isReply } from '../../src/wire/takesWrites.ts';

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** A refusal of Redis is told to operators once in this time. */
const TELL_EVERY_MS = 60_000;
let toldAt = Number.NEGATIVE_INFINITY;

/** What Redis answers is in no other log; that it does not answer, the service tells. */
const tellRefusal = (error: unknown): void => {
  const now = performance.now();
  if (!isReply(error) || now - toldAt < TELL_EVERY_MS) return;
  toldAt = now;
  process.stderr.write(`executor: Redis refuses, trying again: ${safeError(error).message}\n`);
};

/** Faults of this program, which no repetition mends. What Redis answers may pass, refusals of its ACL too. */
const isOwnFault = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;

/**
 * Repeats `operation`, which must be safe to repeat, until it goes through; pauses grow up to a second.
 * @throws the signal's reason once it is aborted, and faults of the program at once
 */
export const untilDone = async <T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return await unlessAborted(operation(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isOwnFault(error)) throw error;
      tellRefusal(error);
    }
    await delay(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
};

/** What the promise comes to, or the signal's reason as a rejection, whichever is first. */
const unlessAborted = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  // Whichever loses the race must not surface as an unhandled rejection.
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
