/** Opens the Redis that the service uses: the one of REDIS_URL, or a private redis-server. */
import type { Logger } from 'pino';
import { pause } from './async/pause.ts';
import type { Config } from './config.ts';
import { connectRedis, type RedisConnection } from './redis/connection.ts';
import { type PrivateRedis, startPrivateRedis } from './redis/private/privateRedis.ts';
import { NoRedisServer } from './redis/private/serverBinary.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { describeRedisUrl } from './wire/redisUrl.ts';
import { askForWrites } from './wire/takesWrites.ts';

/** How long the Redis of REDIS_URL can take to answer at the start. */
const ANSWER_MS = 15_000;
const OLDEST_MAJOR = 7;
const WRITE_RETRY_MS = 250;

export interface ChosenRedis {
  readonly url: string;
  /** One line for the start, without a password. */
  readonly description: string;
  /** Null for the Redis of REDIS_URL. */
  readonly server: PrivateRedis | null;
}

interface Parts {
  readonly config: Pick<Config, 'redisUrl' | 'dataDirectory' | 'runtimeDirectory' | 'childEnvironment'>;
  readonly instance: string;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}

/** Resolves when Redis takes writes. @throws StartFailure, or the signal's reason */
export const openRedis = async (parts: Parts, signal: AbortSignal): Promise<ChosenRedis> => {
  const { redisUrl } = parts.config;
  return redisUrl === null ? await openPrivate(parts, signal) : await openGiven(parts, redisUrl, signal);
};

const openPrivate = async (parts: Parts, signal: AbortSignal): Promise<ChosenRedis> => {
  const { dataDirectory, runtimeDirectory, childEnvironment: environment } = parts.config;
  const { instance, logger, say } = parts;
  try {
    const options = { dataDirectory, runtimeDirectory, environment, instance, logger, say };
    const server = await startPrivateRedis(options, signal);
    const how = server.adopted ? 'found running' : 'started';
    const description = `private redis-server, ${how} (pid ${server.pid}), files in ${dataDirectory}`;
    return { url: server.url, description, server };
  } catch (error) {
    if (error instanceof NoRedisServer) throw new StartFailure(error.message, EXIT.config, error);
    throw error;
  }
};

const openGiven = async ({ instance, logger }: Parts, url: string, signal: AbortSignal): Promise<ChosenRedis> => {
  const shown = describeRedisUrl(url);
  await using connection = connectRedis(url, 'commands', instance, logger);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    await connection.whenReady(patience);
  } catch (error) {
    signal.throwIfAborted();
    const message = `REDIS_URL ${shown} does not answer: ${connection.trouble}. Start that Redis, or correct REDIS_URL.`;
    throw new StartFailure(message, EXIT.unavailable, error);
  }
  const version = await versionOf(connection, shown);
  await untilWritable(connection, shown, patience);
  signal.throwIfAborted();
  return { url, description: `${shown}, version ${version} (REDIS_URL)`, server: null };
};

/** The version, or "unknown" where INFO is refused, as managed services can do. @throws StartFailure where it is too old */
const versionOf = async ({ redis }: RedisConnection, shown: string): Promise<string> => {
  const facts = await redis.info('server').catch(() => '');
  const version = /^redis_version:(.+?)\r?$/m.exec(facts)?.[1] ?? 'unknown';
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new StartFailure(`REDIS_URL ${shown} is Redis ${version}. Use Redis 7.0 or newer.`, EXIT.config);
  }
  return version;
};

/** Repeats the question: during a fail-over the address can lead to a replica. @throws StartFailure where it stays so */
const untilWritable = async (connection: RedisConnection, shown: string, patience: AbortSignal): Promise<void> => {
  for (;;) {
    try {
      return await askForWrites(connection.redis);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (patience.aborted) {
        const message = `REDIS_URL ${shown} does not take writes: ${reason} Name the primary, or make this server writable.`;
        throw new StartFailure(message, EXIT.unavailable, error);
      }
    }
    await pause(WRITE_RETRY_MS, patience).catch(() => undefined);
  }
};
