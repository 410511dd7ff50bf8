/** Which Redis the service uses: REDIS_URL, or a private redis-server. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { connectRedis, type RedisConnection } from './redis/connection.ts';
import { type PrivateRedis, startPrivateRedis } from './redis/private/privateRedis.ts';
import { NoRedisServer } from './redis/private/serverBinary.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { describeRedisUrl } from './wire/redisUrl.ts';
import { askForWrites } from './wire/takesWrites.ts';

/** How long an operator's Redis may take to answer at the start. */
const ANSWER_MS = 15_000;
const OLDEST_MAJOR = 7;
const WRITE_RETRY_MS = 250;

export interface ChosenRedis {
  readonly url: string;
  /** One line for the start, without a password. */
  readonly description: string;
  /** Null where it is an operator's. */
  readonly server: PrivateRedis | null;
}

interface Parts {
  readonly config: Pick<Config, 'redisUrl' | 'dataDirectory' | 'runtimeDirectory' | 'childEnvironment'>;
  readonly instance: string;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}

/** Resolves when it answers. @throws StartFailure, or the signal's reason */
export const openRedis = async (parts: Parts, signal: AbortSignal): Promise<ChosenRedis> => {
  const { config, instance, logger } = parts;
  if (config.redisUrl !== null) {
    const shown = describeRedisUrl(config.redisUrl);
    const version = await versionOf(config.redisUrl, shown, instance, logger, signal);
    return { url: config.redisUrl, description: `${shown}, version ${version} (REDIS_URL)`, server: null };
  }
  try {
    const { dataDirectory, runtimeDirectory, childEnvironment: environment } = config;
    const common = { dataDirectory, runtimeDirectory, environment, instance, logger, say: parts.say };
    const server = await startPrivateRedis(common, signal);
    const how = server.adopted ? 'found running' : 'started';
    const description = `private redis-server, ${how} (pid ${server.pid}), files in ${dataDirectory}`;
    return { url: server.url, description, server };
  } catch (error) {
    if (error instanceof NoRedisServer) throw new StartFailure(error.message, EXIT.config, error);
    throw error;
  }
};

const versionOf = async (
  url: string,
  shown: string,
  instance: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<string> => {
  await using connection = connectRedis(url, 'commands', instance, logger);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    await connection.whenReady(patience);
  } catch (error) {
    signal.throwIfAborted();
    throw new StartFailure(`REDIS_URL ${shown} does not answer: ${connection.trouble}`, EXIT.unavailable, error);
  }
  // A managed Redis may refuse INFO; then nobody knows.
  const facts = await connection.redis.info('server').catch(() => '');
  const version = /^redis_version:(.+?)\r?$/m.exec(facts)?.[1] ?? 'unknown';
  if (Number.parseInt(version, 10) < OLDEST_MAJOR) {
    throw new StartFailure(`REDIS_URL ${shown} is Redis ${version}; 7.0 or newer is needed`, EXIT.config);
  }
  await untilWritable(connection, shown, patience);
  signal.throwIfAborted();
  return version;
};

/** In the middle of a fail-over the address may still lead to a replica. @throws StartFailure where that lasts */
const untilWritable = async (connection: RedisConnection, shown: string, patience: AbortSignal): Promise<void> => {
  for (;;) {
    try {
      return await askForWrites(connection.redis);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (patience.aborted) {
        const message = `REDIS_URL ${shown} does not take writes: ${reason} Name the primary, or free it.`;
        throw new StartFailure(message, EXIT.unavailable, error);
      }
    }
    await delay(WRITE_RETRY_MS, undefined, { signal: patience }).catch(() => undefined);
  }
};
