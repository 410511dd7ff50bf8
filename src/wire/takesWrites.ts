/**
 * What to do about a Redis that does not take writes. After a fail-over the old primary often lives on as a replica:
 * connections to it stay, it answers reads and PING, and only a write (or a question like askForWrites) tells. The
 * address may lead to the new primary by then, so the remedy is to connect again. Shared by service and executor.
 */
import type { Redis } from 'ioredis';

/**
 * A script that may write and does not. A server that takes no writes refuses it, by role (READONLY), for a lost
 * primary (MASTERDOWN), a failed disk (MISCONF), missing replicas (NOREPLICAS) or memory (OOM):
 * https://redis.io/docs/latest/develop/programmability/eval-intro/#script-flags. It needs no key and changes nothing.
 */
const ASK_FOR_WRITES = '#!lua\nreturn 1';

/**
 * A heartbeat: resolves where writes are taken. @throws ReplyError where they are refused (an answer too); the
 * connection's error
 */
export const askForWrites = async (redis: Pick<Redis, 'eval' | 'ping'>): Promise<void> => {
  try {
    await redis.eval(ASK_FOR_WRITES, 0);
  } catch (error) {
    // ioredis' own refusal: a server or proxy without RESP3 lets a subscriber send little more than PING.
    if (error instanceof Error && error.message.includes('subscriber mode')) await redis.ping();
    else throw error;
  }
};

/** Whether Redis answered, with a refusal; any other error is the connection's. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/** Answers that another server may not give, with the least time between two reconnects for it, milliseconds. */
const RECONNECT_EVERY_MS: Readonly<Record<string, number>> = {
  READONLY: 1000,
  MASTERDOWN: 1000,
  // A demoted primary loads the new one's data.
  LOADING: 1000,
  UNBLOCKED: 1000,
  CLUSTERDOWN: 1000,
  // A primary that was cut off from its replicas, or has lost its disk: it may be the only one all the same.
  NOREPLICAS: 5000,
  MISCONF: 5000,
};
/** Commands that were under way together are refused together. */
const BURST_MS = 250;

/** The refusal's name where another server may take the write; null for any other error. */
export const refusalOf = (error: Error): string | null => {
  // Up to Redis 6, and in compatible servers, a script's error wraps the command's: "… -READONLY You can't write …".
  const name = /^([A-Z]+) /.exec(error.message)?.[1] ?? '';
  if (Object.hasOwn(RECONNECT_EVERY_MS, name)) return name;
  return / -READONLY /.test(error.message) ? 'READONLY' : null;
};

/**
 * For ioredis' reconnectOnError: connects again and sends the refused command again (2), or lets it fail (false) where
 * that was just tried. A refused command has changed nothing, so it is safe to repeat.
 */
export const reconnectWhereRefused = (
  onReconnect: (error: Error) => void = () => undefined,
  now: () => number = () => performance.now(),
): ((error: Error) => 2 | false) => {
  let at = Number.NEGATIVE_INFINITY;
  return (error) => {
    const refusal = refusalOf(error);
    if (refusal === null) return false;
    const since = now() - at;
    if (since < BURST_MS) return 2;
    if (since < (RECONNECT_EVERY_MS[refusal] ?? 0)) return false;
    at = now();
    onReconnect(error);
    return 2;
  };
};
