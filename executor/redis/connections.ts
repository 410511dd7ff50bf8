/** Stage 2: two connections to Redis, one for commands and one that listens, both kept alive for ever. */
import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { askForWrites, isReply, reconnectWhereRefused } from '../../src/wire/takesWrites.ts';

const PING_EVERY_MS = 2000;
const PING_DEADLINE_MS = 5000;
const RETRY_MAX_MS = 1000;

export interface Connections {
  /**
   * Commands wait while Redis is away and are sent again after a loss (all of ours are safe to repeat,
   * and one append at a time is under way, so none can overtake another).
   */
  readonly commands: Redis;
  /** Subscribes again by itself after a loss. */
  readonly listener: Redis;
  /** When Redis last answered a question on the first one, by performance.now(); at first, when it was opened. */
  heardAt(): number;
  /** Ends both at once. Safe to call more than once. */
  close(): void;
}

/** Opens both; they need not be there yet. @throws Error where the URL makes no sense */
export const connect = (url: string): Connections => {
  const commands = new Redis(redisOptions(url));
  const listener = new Redis(redisOptions(url));
  let heardAt = performance.now();
  const heard = (): void => {
    heardAt = performance.now();
  };
  const stops = [keepAlive(commands, heard), keepAlive(listener)];
  return {
    commands,
    listener,
    heardAt: () => heardAt,
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
    // INFO is more than the executors' user may say; LOADING is answered by repeating.
    enableReadyCheck: false,
    disableClientInfo: true,
    retryStrategy: (times) => Math.min(20 * 2 ** (times - 1), RETRY_MAX_MS),
    reconnectOnError: reconnectWhereRefused(),
  };
};

/**
 * A silent cut of the network, and a server that accepts and says nothing, are noticed by a question that
 * stays open (ioredis alone: after 40 s, or never). The first sign of life ends a period of grace. The question is
 * whether writes are taken, so that a server that has become a replica is left (src/wire/takesWrites.ts).
 */
const keepAlive = (redis: Redis, heard: () => void = () => undefined): (() => void) => {
  let waitingSince: number | null = null;
  // Told by the commands that wait; without a listener ioredis prints.
  redis.on('error', () => undefined);
  redis.on('connect', () => {
    waitingSince = performance.now();
  });
  redis.on('ready', () => {
    waitingSince = null;
  });
  redis.on('close', () => {
    waitingSince = null;
  });
  const beat = (): void => {
    const now = performance.now();
    if (waitingSince !== null) {
      if (now - waitingSince < PING_DEADLINE_MS - PING_EVERY_MS / 2) return;
      waitingSince = null;
      redis.disconnect(true);
      return;
    }
    if (redis.status !== 'ready') return;
    waitingSince = now;
    const answered = (): void => {
      if (waitingSince === now) waitingSince = null;
    };
    const refused = (error: unknown): void => {
      if (isReply(error)) heard();
      answered();
    };
    askForWrites(redis).then(() => {
      heard();
      answered();
    }, refused);
  };
  const timer = setInterval(beat, PING_EVERY_MS);
  return () => clearInterval(timer);
};
