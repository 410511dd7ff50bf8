import { statSync } from 'node:fs';
import type { ExecutorMode } from '../../src/wire/executorOrders.ts';
import type { Connections } from '../redis/connections.ts';

const LOOK_EVERY_MS = 1000;
/** After a day without a reply of Redis nobody can know of this attempt or stop it. */
export const REDIS_AWAY_MS = 24 * 3_600_000;

/**
 * Calls `onAbandoned` once, with a sentence for operators, when nobody can use this executor's work any more: Redis has
 * not replied for `redisAwayMs`, or the directory of a local attempt was removed (PROTOCOL.md, W11). The returned
 * function stops the watch.
 */
export const watchForAbandonment = (
  { lastReplyAt }: Pick<Connections, 'lastReplyAt'>,
  mode: ExecutorMode,
  redisAwayMs: number,
  onAbandoned: (reason: string) => void,
): (() => void) => {
  const look = (): void => {
    const reason = reasonToLeave(performance.now() - lastReplyAt(), mode, redisAwayMs);
    if (reason === null) return;
    clearInterval(timer);
    onAbandoned(reason);
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => clearInterval(timer);
};

const reasonToLeave = (silentMs: number, mode: ExecutorMode, redisAwayMs: number): string | null => {
  if (silentMs > redisAwayMs) return `Redis has not answered for ${Math.round(redisAwayMs / 1000)} s: giving up`;
  if (mode.kind === 'process' && !exists(mode.directory)) return "the attempt's directory was removed: giving up";
  return null;
};

/** Errors (missing rights, a failing disk) do not show that it is missing. */
const exists = (directory: string): boolean => {
  try {
    return statSync(directory, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
};
