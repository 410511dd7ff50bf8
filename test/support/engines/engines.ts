/** Launchers on the engine that all container tests share. */
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerLauncher, type ContainerLauncherOptions } from '../../../src/launchers/container/launcher.ts';
import type { TestRedis } from '../redis/redis.ts';
import { quiet } from '../runs/runs.ts';

/** A group that no machine with these tests uses. */
export const REDIS_GID = 54_321;
/** Owner of the directory: not the executor (0) and not a command. */
const REDIS_UID = 54_320;

/** Path of the test's Redis in a container. */
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
    redisMount: { directory: server.directory, gid: REDIS_GID },
    extraHosts: [],
    installationId: crypto.randomUUID(),
    pidsLimit: 256,
    workspaceBytes: 32 * 1024 * 1024,
    allowedImages: null,
    pulledImages: { directory: join(server.directory, 'images'), retentionMs: null, log: quiet },
    ...more,
  });
  await launcher.prepare(() => undefined, AbortSignal.timeout(120_000));
  return launcher;
};

/** A socket in front of the engine's socket. It can be cut, as when the engine restarts. */
export const cuttableEngine = async (socketPath: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-cut-'));
  const path = join(directory, 'engine.sock');
  const sockets = new Set<Socket>();
  const asked: string[] = [];
  let server: Server | null = null;
  const open = (): Promise<void> =>
    new Promise((resolve) => {
      server = createServer((near) => {
        const far = connect(socketPath);
        for (const socket of [near, far]) {
          sockets.add(socket);
          socket.on('error', () => undefined);
          socket.on('close', () => {
            sockets.delete(socket);
            near.destroy();
            far.destroy();
          });
        }
        near.on('data', (chunk) => {
          const line = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(chunk.toString('latin1'))?.[1];
          if (line !== undefined) asked.push(line);
        });
        near.pipe(far).pipe(near);
      }).listen(path, resolve);
    });
  const cut = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await open();
  return {
    path,
    /** Method and path of every request so far. */
    asked,
    open,
    cut,
    async [Symbol.asyncDispose]() {
      await cut();
      await rm(directory, { recursive: true, force: true });
    },
  };
};
