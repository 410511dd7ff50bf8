/** Launchers on the engine that the container tests share. */
import { chmod, chown } from 'node:fs/promises';
import { ContainerLauncher, type ContainerLauncherOptions } from '../../src/launchers/container/launcher.ts';
import type { TestRedis } from './redis.ts';

/** Nobody's group on any machine that tests run on. */
export const REDIS_GID = 54_321;
/** Owner of the directory: neither the executor (0) nor any command. */
const REDIS_UID = 54_320;

/** Where a container finds the test's Redis. */
export const REDIS_IN_CONTAINER = 'unix:///run/runloom-redis/redis.sock';

/** Lets only the group into the directory, as the service does with its private Redis. */
export const closeRedisDirectory = async (server: TestRedis): Promise<void> => {
  await chown(server.directory, REDIS_UID, REDIS_GID);
  await chmod(server.directory, 0o750);
};

export const containerLauncher = async (
  engine: { readonly socketPath: string; readonly executorImage: string },
  server: TestRedis,
  more: Partial<ContainerLauncherOptions> = {},
): Promise<ContainerLauncher> => {
  await closeRedisDirectory(server);
  const launcher = new ContainerLauncher({
    socketPath: engine.socketPath,
    executorImage: engine.executorImage,
    network: 'none',
    redisSocketDirectory: server.directory,
    redisSocketGid: REDIS_GID,
    extraHosts: [],
    installationId: crypto.randomUUID(),
    pidsLimit: 256,
    workspaceBytes: 32 * 1024 * 1024,
    ...more,
  });
  await launcher.prepare(() => undefined, AbortSignal.timeout(120_000));
  return launcher;
};
