/** Whether anybody is left whom this executor could work for. What it waits for comes back sometimes, but not for ever. */
import { statSync } from 'node:fs';
import type { ExecutorMode } from '../../src/wire/executorOrders.ts';
import type { Connections } from '../redis/connections.ts';

const LOOK_EVERY_MS = 1000;
/** Without an answer of Redis for a whole day, nobody can know of this attempt any more, nor stop it. */
export const REDIS_AWAY_MS = 24 * 3_600_000;

/**
 * Calls `onAbandoned` once, with a sentence for operators, when Redis has not answered for `redisAwayMs`, or
 * when the attempt's own directory was removed (a process launcher's; its state went with it). The returned
 * function ends the watch.
 */
export const watchForAbandonment = (
  { heardAt }: Pick<Connections, 'heardAt'>,
  mode: ExecutorMode,
  redisAwayMs: number,
  onAbandoned: (why: string) => void,
): (() => void) => {
  const look = (): void => {
    const why = whyAbandoned(performance.now() - heardAt(), mode, redisAwayMs);
    if (why === null) return;
    clearInterval(timer);
    onAbandoned(why);
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return () => clearInterval(timer);
};

const whyAbandoned = (silentMs: number, mode: ExecutorMode, redisAwayMs: number): string | null => {
  if (silentMs > redisAwayMs) return `Redis has not answered for ${Math.round(redisAwayMs / 1000)} s: giving up`;
  if (mode.kind === 'process' && !isThere(mode.directory)) return "the attempt's directory was removed: giving up";
  return null;
};

/** Errors other than its absence (no rights, a disk that fails) say nothing. */
const isThere = (directory: string): boolean => {
  try {
    return statSync(directory, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
};
