/**
 * The Redis user that all executors of version 0.1 share. After an upgrade it stays while one of them is connected;
 * then it is removed. Delete this file when nobody upgrades from it any more.
 */
import { createHash, hkdfSync } from 'node:crypto';
import type { Redis } from 'ioredis';

const FORMER_USER = 'runloom-executor';
const CONNECTED = / user=runloom-executor( |$)/m;
/** An executor that lost its connection is back within seconds. */
const UNUSED_MS = 60_000;

/** As those versions made it. */
const COMMANDS = [
  ...['eval', 'evalsha', 'publish', 'subscribe', 'unsubscribe', 'exists', 'pexpire', 'time'],
  ...['xadd', 'xdel', 'xrange', 'xrevrange', 'hset', 'hget', 'hmget', 'hgetall', 'hincrby'],
  ...['hello', 'auth', 'select', 'ping', 'quit', 'client|setname'],
];
const RIGHTS = ['~run:*', 'resetchannels', '&run_logs:*', '&run_control:*', '&run_updates'];

export class FormerUser {
  readonly #redis: Redis;
  readonly #masterKey: Buffer;
  /** Null: it does not exist. */
  #usedAt: number | null = null;

  constructor(redis: Redis, masterKey: Buffer) {
    this.#redis = redis;
    this.#masterKey = masterKey;
  }

  /** @throws the connection's error */
  async look(): Promise<void> {
    const found = await this.#redis.call('ACL', 'GETUSER', FORMER_USER);
    this.#usedAt = found === null ? null : performance.now();
  }

  /** Makes it again after a restart of Redis, if it is still used. @throws the connection's error */
  async restore(): Promise<void> {
    if (this.#usedAt === null) return;
    const key = hkdfSync('sha256', this.#masterKey, Buffer.alloc(0), 'runloom executor user', 32);
    const hash = createHash('sha256').update(Buffer.from(key).toString('base64url')).digest('hex');
    const rights = [...RIGHTS, ...COMMANDS.map((name) => `+${name}`)];
    await this.#redis.call('ACL', 'SETUSER', FORMER_USER, 'reset', 'on', `#${hash}`, ...rights);
    this.#usedAt = performance.now();
  }

  /** Removes it if no executor uses it any more. @throws the connection's error */
  async tidy(): Promise<void> {
    if (this.#usedAt === null) return;
    if (CONNECTED.test(String(await this.#redis.client('LIST')))) this.#usedAt = performance.now();
    if (performance.now() - this.#usedAt < UNUSED_MS) return;
    await this.#redis.call('ACL', 'DELUSER', FORMER_USER);
    this.#usedAt = null;
    // Only the private Redis has an aclfile.
    await this.#redis.call('ACL', 'SAVE').catch(() => undefined);
  }
}
