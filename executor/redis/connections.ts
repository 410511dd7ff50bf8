/** The executor's two connections to Redis: one for commands, one that subscribes. Both reconnect without end. */
import { Redis, type RedisOptions } from 'ioredis';
import type { RunId } from '../../src/domain/ids.ts';
import { logKey } from '../../src/wire/keys.ts';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { isReply, reconnectWhereRefused } from '../../src/wire/takesWrites.ts';

const PING_EVERY_MS = 2000;
const PING_DEADLINE_MS = 5000;
const RETRY_MAX_MS = 1000;
/** Seqs start at 1, so no entry of a log has this ID. */
const NO_ENTRY = '0-1';

export interface Connections {
  /**
   * While Redis is away, commands wait, and after a reconnect they are sent again. The executor's commands are safe to
   * repeat, and at most one append is in flight, so appends can't overtake each other.
   */
  readonly commands: Redis;
  /** Subscribes again after a reconnect. */
  readonly listener: Redis;
  /** When Redis last replied on `commands`, by performance.now(). Before the first reply: when it was opened. */
  lastReplyAt(): number;
  /** Closes both at once. Safe to repeat. */
  close(): void;
}

/** Opens both without waiting for Redis. @throws Error if the URL is not valid */
export const connect = (url: string, runId: RunId): Connections => {
  const commands = new Redis(redisOptions(url));
  const listener = new Redis(redisOptions(url));
  let lastReplyAt = performance.now();
  const onReply = (): void => {
    lastReplyAt = performance.now();
  };
  const stops = [keepAlive(commands, runId, onReply), keepAlive(listener, runId)];
  return {
    commands,
    listener,
    lastReplyAt: () => lastReplyAt,
    close: () => {
      for (const stop of stops) stop();
      commands.disconnect();
      listener.disconnect();
    },
  };
};

const redisOptions = (url: string): Omit<RedisOptions, 'replyMapping'> => {
  const { socketPath, host, port, tls, username, password, db } = parseRedisUrl(url);
  return {
    ...(socketPath === null ? { host, port } : { path: socketPath }),
    ...(tls ? { tls: { servername: host } } : {}),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    db,
    connectTimeout: PING_DEADLINE_MS,
    disconnectTimeout: 200,
    maxRetriesPerRequest: null,
    // The ready check sends INFO, which the ACL of executors does not allow. LOADING replies are retried instead.
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: (times) => Math.min(20 * 2 ** (times - 1), RETRY_MAX_MS),
    reconnectOnError: reconnectWhereRefused(),
  };
};

/**
 * Reconnects if Redis leaves a question unanswered for PING_DEADLINE_MS: the network was cut without notice, or the
 * server accepts and does not reply. (ioredis alone notices after 40 s or never.) The question is a write that changes
 * nothing: a server that became a replica refuses it, and reconnectWhereRefused then gives the connection up.
 */
const keepAlive = (redis: Redis, runId: RunId, onReply: () => void = () => undefined): (() => void) => {
  let waitingSince: number | null = null;
  const stopWaiting = (): void => {
    waitingSince = null;
  };
  // The waiting commands report errors. Without a listener ioredis prints them.
  redis.on('error', () => undefined);
  redis.on('connect', () => {
    waitingSince = performance.now();
  });
  redis.on('ready', stopWaiting);
  redis.on('close', stopWaiting);
  const ask = (now: number): void => {
    waitingSince = now;
    const onAnswer = (isReplied: boolean): void => {
      if (isReplied) onReply();
      if (waitingSince === now) waitingSince = null;
    };
    redis.xdel(logKey(runId), NO_ENTRY).then(
      () => onAnswer(true),
      (error: unknown) => onAnswer(isReply(error)),
    );
  };
  const beat = (): void => {
    const now = performance.now();
    if (waitingSince === null) {
      if (redis.status === 'ready') ask(now);
      return;
    }
    if (now - waitingSince < PING_DEADLINE_MS - PING_EVERY_MS / 2) return;
    waitingSince = null;
    redis.disconnect(true);
  };
  const timer = setInterval(beat, PING_EVERY_MS);
  return () => clearInterval(timer);
};
