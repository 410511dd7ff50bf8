/**
 * Connections to Redis, one for each role. Errors are logged and never end the process; lost connections come back by
 * themselves.
 *
 * Facts of ioredis 6.0.0 (read in its built/ and measured): a silent network
 * cut is noticed after 41 s or never, hence the heartbeat; commands given before `ready` are queued, a
 * SUBSCRIBE too, without the deafness of ioredis 5; a fatal answer to the handshake (wrong password, too
 * many clients) rejects the queued commands and then reconnects as any loss does.
 *
 * The heartbeat asks whether writes are taken, on every connection, also on those that never write: a server that has
 * become a replica is left for the one that the address leads to (wire/takesWrites.ts). With RESP3, ioredis' default, a
 * subscriber may send any command.
 */
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { parseRedisUrl } from '../wire/redisUrl.ts';
import { askForWrites, reconnectWhereRefused } from '../wire/takesWrites.ts';

/**
 * - commands: fails within seconds while Redis is away, so that a request gets its UNAVAILABLE;
 * - subscriber: waits; it subscribes again by itself (pubsub.ts), never by ioredis;
 * - queue: waits (BullMQ demands maxRetriesPerRequest null).
 */
export type RedisRole = 'commands' | 'subscriber' | 'queue';

export interface RedisConnection extends AsyncDisposable {
  readonly redis: Redis;
  readonly role: RedisRole;
  /** True while commands are answered; false from a loss or a missed heartbeat until it is ready again. */
  readonly ready: boolean;
  /** The last error's message; null while it is ready. For the log, not for clients. */
  readonly trouble: string | null;
  /** Resolves when it is ready. @throws the signal's reason */
  whenReady(signal: AbortSignal): Promise<void>;
  /** Called each time it becomes ready, also the first time. The returned function removes the listener. */
  onReady(listener: () => void): () => void;
  /** Closes it for good, without waiting for commands under way. */
  close(): void;
}

const BEAT_EVERY_MS = 2000;
const BEAT_DEADLINE_MS = 5000;
/** From the TCP connection to `ready`. A server that loads its file is asked again each second within this time. */
const HANDSHAKE_DEADLINE_MS = 10_000;
const RETRY_MAX_MS = 1000;
const COMMAND_DEADLINE_MS = 5000;
/** The same error is logged at most once in this time. */
const TELL_EVERY_MS = 10_000;

/** Replies in the shapes of RESP2, which is ioredis' default. */
type LegacyOptions = Omit<RedisOptions, 'replyMapping'>;

/** The options of a role, for BullMQ too, which makes connections of its own. `name` appears in CLIENT LIST. */
export const redisOptions = (url: string, role: RedisRole, name: string): LegacyOptions => {
  const address = parseRedisUrl(url);
  const { socketPath, host, port, tls, username, password, db } = address;
  return {
    ...(socketPath === null ? { host, port } : { path: socketPath }),
    ...(tls ? { tls: { servername: host } } : {}),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    db,
    connectionName: name,
    connectTimeout: BEAT_DEADLINE_MS,
    disconnectTimeout: 200,
    maxLoadingRetryTime: 1000,
    retryStrategy: (times) => Math.min(50 * 2 ** (times - 1), RETRY_MAX_MS) + Math.random() * 50,
    reconnectOnError: reconnectWhereRefused(),
    ...ROLE_OPTIONS[role],
  };
};

const ROLE_OPTIONS: Readonly<Record<RedisRole, LegacyOptions>> = {
  commands: { maxRetriesPerRequest: 5, commandTimeout: COMMAND_DEADLINE_MS },
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: false, autoResendUnfulfilledCommands: false },
  queue: { maxRetriesPerRequest: null },
};

/** Opens a connection and returns before it is ready (see whenReady). `instance` is the service's name. */
export const connectRedis = (url: string, role: RedisRole, instance: string, logger: Logger): RedisConnection => {
  const options = redisOptions(url, role, `runloom:${instance}:${role}`);
  const reconnectOnError = reconnectWhereRefused((error) => connection.refused(error));
  const connection = new Connection(new Redis({ ...options, reconnectOnError }), role, logger);
  return connection;
};

class Connection implements RedisConnection {
  readonly redis: Redis;
  readonly role: RedisRole;
  readonly #logger: Logger;
  readonly #heartbeat: NodeJS.Timeout;
  #handshake: NodeJS.Timeout | undefined;
  #askedAt: number | null = null;
  #ready = false;
  #trouble: string | null = 'not connected yet';
  #told: { readonly message: string; readonly at: number } | null = null;

  constructor(redis: Redis, role: RedisRole, logger: Logger) {
    this.redis = redis;
    this.role = role;
    this.#logger = logger.child({ part: 'redis', role });
    redis.on('error', (error: unknown) => this.#tell(error instanceof Error ? error.message : String(error)));
    redis.on('connect', () => this.#watchHandshake());
    redis.on('ready', () => this.#becameReady());
    redis.on('close', () => this.#lost());
    // BullMQ gets the bare connection and can end it too.
    redis.on('end', () => this.#stopTimers());
    this.#heartbeat = setInterval(() => this.#beat(), BEAT_EVERY_MS);
    this.#heartbeat.unref();
  }

  get ready(): boolean {
    return this.#ready;
  }

  get trouble(): string | null {
    return this.#ready ? null : this.#trouble;
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#ready) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(signal.reason);
    this.redis.once('ready', resolve);
    signal.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      this.redis.off('ready', resolve);
      signal.removeEventListener('abort', abort);
    }
  }

  onReady(listener: () => void): () => void {
    this.redis.on('ready', listener);
    return () => {
      this.redis.off('ready', listener);
    };
  }

  /** Redis refused a write; ioredis connects again. */
  refused(error: Error): void {
    this.#ready = false;
    this.#tell(`writes are refused, connecting again: ${error.message}`);
  }

  close(): void {
    this.#stopTimers();
    this.#ready = false;
    this.#trouble = 'closed';
    this.redis.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await Promise.resolve();
  }

  #stopTimers(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#handshake);
  }

  #becameReady(): void {
    clearTimeout(this.#handshake);
    if (this.#told !== null) this.#logger.info('Redis is back');
    this.#told = null;
    this.#askedAt = null;
    this.#ready = true;
  }

  #lost(): void {
    clearTimeout(this.#handshake);
    this.#askedAt = null;
    if (!this.#ready) return;
    this.#ready = false;
    // Status "end": it was closed on purpose.
    if (this.redis.status !== 'end') this.#tell('the connection was lost');
  }

  /** ioredis has a deadline for the TCP connection, but none for a server that accepts and never replies. */
  #watchHandshake(): void {
    clearTimeout(this.#handshake);
    this.#handshake = setTimeout(() => this.#giveUp('no answer to the handshake'), HANDSHAKE_DEADLINE_MS);
    this.#handshake.unref();
  }

  #beat(): void {
    if (this.#askedAt !== null) {
      if (Date.now() - this.#askedAt >= BEAT_DEADLINE_MS - BEAT_EVERY_MS) this.#giveUp('no answer to the heartbeat');
      return;
    }
    if (!this.#ready) return;
    const sentAt = Date.now();
    this.#askedAt = sentAt;
    const answered = (): void => {
      if (this.#askedAt === sentAt) this.#askedAt = null;
    };
    // A refusal is a reply too; a loss has its own event.
    askForWrites(this.redis).then(answered, answered);
  }

  #giveUp(message: string): void {
    this.#askedAt = null;
    this.#ready = false;
    this.#tell(message);
    this.redis.disconnect(true);
  }

  #tell(message: string): void {
    this.#trouble = message;
    const now = Date.now();
    if (this.#told?.message === message && now - this.#told.at < TELL_EVERY_MS) return;
    this.#told = { message, at: now };
    this.#logger.warn({ trouble: message }, 'Redis does not answer');
  }
}
