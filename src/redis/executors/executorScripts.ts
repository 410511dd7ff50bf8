/**
 * The scripts that executors call. An executor has no right to load one, so the service does, and again where Redis has
 * forgotten them (a restart, a fail-over, SCRIPT FLUSH). Their texts are kept in Redis too: executors that an earlier
 * version started call that version's scripts.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { APPEND, BEAT, CLAIM, COMPACT } from '../../wire/scripts/writeScripts.ts';

/** Hash: SHA-1 -> text. It grows by a few scripts of at most 10 KB with each release that changes them. */
export const EXECUTOR_SCRIPTS = 'runloom:executor-scripts';

const shaOf = (text: string): string => createHash('sha1').update(text).digest('hex');

export class ExecutorScripts {
  readonly #redis: Redis;
  #shas: readonly string[] = [];

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Loads all of them. Safe to repeat. @throws the connection's error */
  async load(): Promise<void> {
    const own = [APPEND, COMPACT, CLAIM, BEAT].map((read) => read());
    await this.#redis.hset(EXECUTOR_SCRIPTS, Object.fromEntries(own.map((text) => [shaOf(text), text])));
    const texts = Object.values(await this.#redis.hgetall(EXECUTOR_SCRIPTS));
    await Promise.all(texts.map((text) => this.#redis.script('LOAD', text)));
    this.#shas = texts.map(shaOf);
  }

  /** Loads them if Redis has forgotten one. @throws the connection's error */
  async check(): Promise<void> {
    const known = (await this.#redis.script('EXISTS', ...this.#shas)) as readonly number[];
    if (known.includes(0)) await this.load();
  }
}
