/** Whether Redis is usable now: all connections are ready, and a real write succeeds. */
import { withDeadline } from '../async/deadline.ts';
import type { RedisConnection } from './connection.ts';

/** One string with a TTL, written by each process under its own name. */
const keyOf = (instance: string): string => `runloom:ready:${instance}`;
const KEPT_MS = 60_000;
/** Redis is asked at most once in this time. */
const ASK_EVERY_MS = 1000;
/** Longest wait for the write. */
const ANSWER_MS = 1500;

const AWAY = 'Redis does not answer.';

export interface ReadinessOptions {
  /** The connection that writes. */
  readonly commands: RedisConnection;
  readonly others: readonly RedisConnection[];
  /** Redis is blocked by a script. */
  readonly isBusy: () => boolean;
  /** This process' name. */
  readonly instance: string;
  /** Called with the cause each time that Redis stops being usable, for the service's log. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Resolves to null if Redis accepts writes, otherwise to one sentence that says what is wrong. Bounded in time; never
 * rejects; at most one write a second.
 */
export const redisReadiness = (options: ReadinessOptions): (() => Promise<string | null>) => {
  const { commands, others, isBusy, instance, onTrouble } = options;
  let asked: { readonly at: number; readonly answer: Promise<string | null> } | null = null;
  /** An abandoned write is still under way; another one would only wait behind it. */
  let pending = false;
  let troubled = false;

  const write = async (): Promise<string | null> => {
    if (isBusy()) return 'Redis is blocked by a script (BUSY).';
    if (![commands, ...others].every(({ ready }) => ready) || pending) return AWAY;
    pending = true;
    const work = commands.redis.set(keyOf(instance), Date.now(), 'PX', KEPT_MS).finally(() => {
      pending = false;
    });
    try {
      await withDeadline(() => work, { ms: ANSWER_MS });
      troubled = false;
      return null;
    } catch (error) {
      if (!troubled) onTrouble(error);
      troubled = true;
      // A reply begins with its name, such as READONLY or OOM.
      const refusal = error instanceof Error && error.name === 'ReplyError' ? /^[A-Z]+/.exec(error.message)?.[0] : null;
      return refusal == null ? AWAY : `Redis does not take writes (${refusal}).`;
    }
  };

  return () => {
    const now = performance.now();
    if (asked === null || now - asked.at >= ASK_EVERY_MS) asked = { at: now, answer: write() };
    return asked.answer;
  };
};
