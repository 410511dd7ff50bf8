/** Operations on Redis that wait for it: without a bound, or for as long as a client waits. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { withDeadline } from '../async/deadline.ts';
import { doubling, isProgramError, retry } from '../async/retry.ts';
import { Refusal, Unavailable } from '../domain/errors.ts';
import { isReply } from '../wire/takesWrites.ts';
import { untilReady } from '../wire/untilReady.ts';

/** Pauses between attempts, milliseconds. */
const PAUSES = doubling(100, 2000);
/** How long a request of the API waits for Redis before it fails with Unavailable. */
export const STORE_DEADLINE_MS = 5000;

/** Errors that a later attempt would get too: faults of the program, and refusals of what was asked. */
const isFinal = (error: unknown): boolean => isProgramError(error) || error instanceof Refusal;

/**
 * Repeats `operation`, which must be safe to repeat, until it succeeds: Redis (or the engine) is away and will be back.
 * The first failure is logged. @throws the signal's reason; program errors and refusals at once
 */
export const persist = <T>(operation: () => Promise<T>, signal: AbortSignal, log: Pick<Logger, 'warn'>): Promise<T> => {
  const onFailure = (error: unknown, failures: number): void => {
    if (failures === 1) log.warn({ err: error }, 'an operation failed and is repeated until it succeeds');
  };
  return retry(operation, { signal, pauseMs: PAUSES, isFinal, onFailure });
};

/**
 * One operation of the API on Redis: it has an answer within STORE_DEADLINE_MS, or fails. Its signal aborts at the
 * deadline and with `given`: what it has not begun by then must not begin. Causes are logged.
 * @throws Unavailable; refusals, program errors and replies that no retry changes as they are
 */
export const answered = async <T>(
  operation: (signal: AbortSignal) => Promise<T>,
  log: Pick<Logger, 'warn'>,
  given?: AbortSignal,
): Promise<T> => {
  const late = (): Error => new Error(`Redis did not answer within ${STORE_DEADLINE_MS} ms`);
  try {
    return await withDeadline(operation, { ms: STORE_DEADLINE_MS, late, signal: given });
  } catch (error) {
    given?.throwIfAborted();
    // Redis can never do this: a fault of this program, or of somebody who changed its keys. Clients get an error id.
    if (isReply(error) && /^(ERR|WRONGTYPE) /.test(error.message)) throw error;
    if (isFinal(error)) {
      // A refusal with a cause is not only the client's fault.
      if (error instanceof Refusal && error.cause !== undefined) log.warn({ err: error }, 'a request was refused');
      throw error;
    }
    log.warn({ err: error }, 'an operation on Redis failed');
    throw new Unavailable(undefined, error);
  }
};

/** Makes calls of the API that begin when the connection is ready. */
export type WhenReady = <T>(work: (signal: AbortSignal) => Promise<T>, given?: AbortSignal) => Promise<T>;

/**
 * `answered` for a connection: while Redis is away nothing is queued on it, because a call that has failed must not be
 * carried out later.
 */
export const whenReady =
  (redis: Redis, log: Pick<Logger, 'warn'>): WhenReady =>
  (work, given) =>
    answered(
      async (signal) => {
        await untilReady(redis, signal);
        return await work(signal);
      },
      log,
      given,
    );
