/**
 * Detects a Redis that refuses writes. After a fail-over the old primary often becomes a replica: connections stay open, it
 * answers reads and PING, and only a write (or askForWrites) fails. The address can lead to the new primary by then, so the
 * remedy is to connect again. Used by service and executor.
 */
import type { Redis } from 'ioredis';

/**
 * A script that is allowed to write, and does not. A server that refuses writes refuses it: READONLY (a replica),
 * MASTERDOWN (a lost primary), MISCONF (a failed disk), NOREPLICAS (missing replicas), OOM (memory):
 * https://redis.io/docs/latest/develop/programmability/eval-intro/#script-flags. It needs no key and changes nothing.
 */
const ASK_FOR_WRITES = '#!lua\nreturn 1';

/** A heartbeat: resolves if writes are accepted. @throws ReplyError if they are refused; the connection's error */
export const askForWrites = async (redis: Pick<Redis, 'eval' | 'ping'>): Promise<void> => {
  try {
    await redis.eval(ASK_FOR_WRITES, 0);
  } catch (error) {
    // ioredis refuses it: without RESP3 a subscriber can send little more than PING.
    if (error instanceof Error && error.message.includes('subscriber mode')) await redis.ping();
    else throw error;
  }
};

/** Whether the error is a reply of Redis. Any other error is the connection's. */
export const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';

/** Refusals that another server might not give, with the least milliseconds between two reconnects. */
const RECONNECT_EVERY_MS: Readonly<Record<string, number>> = {
  READONLY: 1000,
  MASTERDOWN: 1000,
  // A demoted primary loads the data of the new one.
  LOADING: 1000,
  UNBLOCKED: 1000,
  CLUSTERDOWN: 1000,
  // The primary has lost its replicas or its disk, and can still be the only server.
  NOREPLICAS: 5000,
  MISCONF: 5000,
};
/** Commands that were sent together are refused together: one reconnect is for all of them. */
const BURST_MS = 250;

/** The refusal's name if another server might accept the write; null for any other error. */
export const refusalOf = (error: Error): string | null => {
  // Up to Redis 6, and in compatible servers, a script's error wraps the command's: "… -READONLY You can't write …".
  const name = /^([A-Z]+) /.exec(error.message)?.[1] ?? '';
  if (Object.hasOwn(RECONNECT_EVERY_MS, name)) return name;
  return / -READONLY /.test(error.message) ? 'READONLY' : null;
};

/**
 * For ioredis' reconnectOnError: 2 connects again and repeats the refused command, false lets it fail because that was just
 * tried. A refused command has changed nothing, so it is safe to repeat.
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
