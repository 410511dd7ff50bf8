/** Runs a Lua script by its hash, with the text behind it: a restarted Redis forgets scripts. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The part of a Redis connection that scripts need. */
export type ScriptRedis = Pick<Redis, 'evalsha' | 'eval'>;
export type ScriptArgument = string | number | Buffer;

export class Script {
  readonly #text: string;
  readonly #sha: string;

  constructor(text: string) {
    this.#text = text;
    this.#sha = createHash('sha1').update(text).digest('hex');
  }

  /** As run, with bytes in the answer. @throws as run */
  async runBuffer(redis: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await redis.callBuffer('EVALSHA', this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.callBuffer('EVAL', this.#text, keys.length, ...keys, ...args);
    }
  }

  /** @throws what Redis answers, as ReplyError, or the connection's error. */
  async run(redis: ScriptRedis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.eval(this.#text, keys.length, ...keys, ...args);
    }
  }
}
