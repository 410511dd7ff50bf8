/** Whether Redis can be worked with now: each connection is there, and a real write succeeds. */
import { withDeadline } from '../async/deadline.ts';
import type { RedisConnection } from './connection.ts';

/** One string with a TTL, written by each process under its own name. */
const keyOf = (instance: string): string => `runloom:ready:${instance}`;
const KEPT_MS = 60_000;
/** However often somebody asks, Redis is asked once in this time. */
const ASK_EVERY_MS = 1000;
/** An answer that takes longer is none. */
const ANSWER_MS = 1500;

const AWAY = 'Redis does not answer.';

export interface ReadinessOptions {
  /** The connection that writes. */
  readonly commands: RedisConnection;
  readonly others: readonly RedisConnection[];
  /** This process' name. */
  readonly instance: string;
  /** The cause, for the service's own log; called once for each time that it stops being ready. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Answers null where Redis takes writes, else what is wrong, in one sentence. Bounded in time; never rejects; costs
 * one write a second at most.
 */
export const redisReadiness = (options: ReadinessOptions): (() => Promise<string | null>) => {
  const { commands, others, instance, onTrouble } = options;
  let asked: { readonly at: number; readonly answer: Promise<string | null> } | null = null;
  /** A write that was given up and is still under way: another one would only wait behind it. */
  let pending = false;
  let troubled = false;

  const write = async (): Promise<string | null> => {
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
      // What a reply begins with is its name, such as READONLY or OOM.
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
