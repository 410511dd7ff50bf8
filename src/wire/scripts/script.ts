/** Runs a Lua script by its hash, or by its text if Redis does not have it: a restarted Redis forgets scripts. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The part of a Redis connection that scripts need. */
export type ScriptRedis = Pick<Redis, 'evalsha' | 'eval'>;
export type ScriptArgument = string | number | Buffer;

export class Script {
  readonly #read: () => string;
  #loaded: { readonly text: string; readonly sha: string } | null = null;

  /** @param text the script, or a function that reads it at the first run */
  constructor(text: string | (() => string)) {
    this.#read = typeof text === 'string' ? () => text : text;
  }

  /** As `run`, with bytes in the reply. @throws as `run` */
  async runBuffer(redis: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    const { text, sha } = this.#load();
    try {
      return await redis.callBuffer('EVALSHA', sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await redis.callBuffer('EVAL', text, keys.length, ...keys, ...args);
    }
  }

  /** @throws what Redis replies, as ReplyError, or the connection's error */
  async run(redis: ScriptRedis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    const { text, sha } = this.#load();
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await redis.eval(text, keys.length, ...keys, ...args);
    }
  }

  #load(): { readonly text: string; readonly sha: string } {
    if (this.#loaded !== null) return this.#loaded;
    const text = this.#read();
    this.#loaded = { text, sha: createHash('sha1').update(text).digest('hex') };
    return this.#loaded;
  }
}

const isUnknownScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith('NOSCRIPT');
