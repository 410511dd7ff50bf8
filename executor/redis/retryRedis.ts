import { doubling, isProgramError, retry } from '../../src/async/retry.ts';
import { safeError } from '../../src/domain/text/safeError.ts';
import { isReply } from '../../src/wire/takesWrites.ts';

const pauseMs = doubling(20, 1000);
/** At most one refusal of Redis is printed in this time. */
const PRINT_EVERY_MS = 60_000;
let printedAt = Number.NEGATIVE_INFINITY;

/** Only the executor sees what Redis refuses. The service reports on its own when Redis does not answer. */
const printRefusal = (error: unknown): void => {
  const now = performance.now();
  if (!isReply(error) || now - printedAt < PRINT_EVERY_MS) return;
  printedAt = now;
  process.stderr.write(`executor: Redis refused a command, retrying: ${safeError(error).message}\n`);
};

/**
 * Repeats `operation`, which must be safe to repeat, until it succeeds: Redis can be away, full, read-only or loading.
 * Error replies are retried too, those of the ACL included. Pauses double from 20 ms to 1 s.
 * @throws the signal's reason, or an error of the program at once
 */
export const retryRedis = <T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> =>
  retry(operation, { signal, pauseMs, isFinal: isProgramError, onFailure: printRefusal });
