/** The parts of the service that need Redis and nothing else: the server, connections, keys, the way for executors. */

import type { LauncherTraits } from './launchers/launcher.ts';
import { hideFromLog } from './logger.ts';
import { type BusyWatch, watchBusy } from './redis/busyWatch.ts';
import { connectRedis, type RedisConnection, type RedisRole } from './redis/connection.ts';
import { mayLoseAcknowledged } from './redis/durability.ts';
import type { Attempt } from './redis/executors/attemptUser.ts';
import {
  type ExecutorAccess,
  type ExecutorAccessOptions,
  openExecutorAccess,
} from './redis/executors/executorAccess.ts';
import { masterKeyOf } from './redis/masterKey.ts';
import { type RedisForExecutors, redisForExecutors } from './redis/relay/executorRedis.ts';
import { openRedis } from './redisChoice.ts';
import { guardAgainstLoss, type LossGuard, NO_LOSS } from './runs/lossyRedis/lossGuard.ts';
import { executingAttempts } from './runs/records/executing.ts';
import type { Start } from './serviceStart.ts';
import { parseRedisUrl } from './wire/redisUrl.ts';

export interface RedisServer {
  readonly url: string;
  /** True for the private redis-server. */
  readonly isPrivate: boolean;
  /** Set before the stop: the private redis-server goes on where runs are alive. */
  runsAlive: boolean;
}

/** Opens Redis. At the stop it ends the private redis-server, unless runs are alive. @throws StartFailure */
export const openServer = async ({ config, logger, say, instance, parts, signal }: Start): Promise<RedisServer> => {
  const { url, server, description } = await openRedis({ config, instance, logger, say }, signal);
  hideFromLog(parseRedisUrl(url).password);
  // A server that was found running can have runs; they are counted at the stop.
  const redis: RedisServer = { url, isPrivate: server !== null, runsAlive: server?.adopted ?? false };
  if (server !== null) {
    parts.defer(async () => {
      const kept = await server.stop({ runsAlive: redis.runsAlive });
      logger.info({ kept }, kept === null ? 'stopped the private Redis' : 'left the private Redis running');
    });
  }
  say(`Redis: ${description}`);
  return redis;
};

export interface Connections {
  /** For changes of runs. */
  readonly commands: RedisConnection;
  /** For logs, so that large pages do not delay commands. */
  readonly reading: RedisConnection;
  readonly subscriber: RedisConnection;
  readonly busyWatch: BusyWatch;
}

/** Resolves when all connections are ready. @throws the signal's reason */
export const connect = async (
  { instance, logger, parts, signal }: Start,
  { url }: RedisServer,
): Promise<Connections> => {
  const open = (role: RedisRole): RedisConnection => parts.use(connectRedis(url, role, instance, logger));
  const roles = { commands: open('commands'), reading: open('commands'), subscriber: open('subscriber') };
  const busyWatch = parts.use(watchBusy(url, logger));
  await Promise.all(Object.values(roles).map((connection) => connection.whenReady(signal)));
  return { ...roles, busyWatch };
};

/** The master key of secrets at rest, 32 bytes. No line of the log shows it. */
export const openMasterKey = async ({ config }: Start, { commands }: Connections): Promise<Buffer> => {
  const masterKey = await masterKeyOf(commands.redis, config.secretsKey);
  for (const form of ['base64', 'base64url', 'hex'] as const) hideFromLog(masterKey.toString(form));
  return masterKey;
};

/** The address of Redis for executors of a launcher with these traits. @throws Error where a relay does not start */
export const openExecutorRedis = async (
  { config, logger, parts }: Start,
  { url: serviceUrl }: RedisServer,
  { redisReach: reach }: LauncherTraits,
): Promise<RedisForExecutors> => {
  const { executorRedisUrl: explicitUrl, runtimeDirectory, childEnvironment: environment } = config;
  return parts.use(await redisForExecutors({ serviceUrl, explicitUrl, reach, runtimeDirectory, environment, logger }));
};

/** What attempts need to use that address. @throws the connection's error */
export const openAccess = (
  { say, logger }: Start,
  { url }: RedisServer,
  needs: Pick<ExecutorAccessOptions, 'address' | 'masterKey' | 'installation'> & { readonly connections: Connections },
): Promise<ExecutorAccess> => {
  const { connections, ...rest } = needs;
  const { commands: connection } = connections;
  const executing = (): Promise<readonly Attempt[]> => executingAttempts(connection.redis);
  return openExecutorAccess({ ...rest, connection, db: parseRedisUrl(url).db, executing, say, logger });
};

/** The private redis-server syncs each write to disk; another Redis is asked. @throws the connection's error */
export const openLossGuard = async (
  { logger, parts }: Start,
  server: RedisServer,
  { commands }: Connections,
): Promise<LossGuard> => {
  const loses = !server.isPrivate && (await mayLoseAcknowledged(commands.redis));
  const losses = loses ? guardAgainstLoss(commands.redis, logger.child({ part: 'runs' })) : NO_LOSS;
  parts.defer(() => losses.close());
  return losses;
};
