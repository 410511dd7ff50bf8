/** Chooses the launcher: the one that LAUNCHER names, or the best that is available. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { engineAnswers, findContainerSocket, socketCandidates } from './launchers/container/engine/socket.ts';
import { ContainerLauncher, containerTraits } from './launchers/container/launcher.ts';
import type { Launcher, LauncherTraits } from './launchers/launcher.ts';
import { PROCESS_TRAITS, ProcessLauncher } from './launchers/process/launcher.ts';
import type { RedisForExecutors } from './redis/relay/executorRedis.ts';
import { WORKERS_TRAITS, WorkersLauncher } from './runs/workers/workersLauncher.ts';
import { EXIT, StartFailure } from './startFailure.ts';

/** Processes and threads of one run, at most: it stops a fork bomb. */
const PIDS_LIMIT = 1024;
/** Size limit of /workspace and of /tmp, which are in memory. */
const WORKSPACE_BYTES = 1024 ** 3;
/** Names of the host in containers. They are added where the executors' Redis address uses one. */
const HOST_NAMES: readonly string[] = ['host.docker.internal', 'host.containers.internal'];
const UNLIMITED = 'no image, no other user, no limit of memory or disk (development only)';

/** What a launcher is made of, known after Redis is there. */
export interface LauncherParts {
  readonly installationId: string;
  /** How executors reach Redis. */
  readonly redis: Pick<RedisForExecutors, 'urlFor' | 'mount'>;
  readonly logger: Logger;
  readonly commands: Redis;
}

/** A launcher that can be made. Redis for executors is opened in between, by its traits. */
export interface LauncherChoice {
  readonly traits: LauncherTraits;
  /** One line for the start of the service. */
  readonly why: string;
  /** What to do where it cannot start runs; '' where nothing is known. */
  readonly remedy: string;
  /** The launcher, not prepared yet. */
  create(parts: LauncherParts): Launcher;
}

type LauncherConfig = Pick<
  Config,
  | 'role'
  | 'launcher'
  | 'containerSocket'
  | 'dockerHost'
  | 'runtimeDirectory'
  | 'openToNetwork'
  | 'host'
  | 'dataDirectory'
  | 'childEnvironment'
  | 'executorNetwork'
  | 'executorImage'
  | 'imageRetentionMs'
  | 'allotment'
>;

/** @throws StartFailure where LAUNCHER or HOST needs a container engine and none answers */
export const chooseLauncher = async (config: LauncherConfig): Promise<LauncherChoice> => {
  if (config.role === 'api') return NO_LAUNCHER;
  if (config.launcher === 'process') return processChoice(config, `LAUNCHER=process: ${UNLIMITED}`);
  const named = config.containerSocket;
  const socketPath = named === null ? await findContainerSocket(config) : (await engineAnswers(named)) ? named : null;
  if (socketPath !== null) return containerChoice(config, socketPath);
  const none = noEngine(config);
  if (config.launcher === 'container') {
    const remedy = 'Start an engine, or set CONTAINER_SOCKET to the path of its API socket.';
    throw new StartFailure(`LAUNCHER=container, but ${none}. ${remedy}`, EXIT.unavailable);
  }
  if (config.openToNetwork) {
    const message = `HOST ${config.host} is not loopback, and ${none}. Local processes are the default only on loopback.`;
    throw new StartFailure(`${message} Start an engine, or set LAUNCHER=process.`, EXIT.unavailable);
  }
  return processChoice(config, `${none}; ${UNLIMITED}`);
};

/** For ROLE=api. */
const NO_LAUNCHER: LauncherChoice = {
  traits: WORKERS_TRAITS,
  why: 'ROLE=api: workers start the runs',
  remedy: '',
  create: ({ commands, logger }) => new WorkersLauncher(commands, logger.child({ part: 'workers' })),
};

const noEngine = (config: LauncherConfig): string => {
  const { containerSocket, dockerHost } = config;
  const tried = (containerSocket === null ? socketCandidates(config) : [containerSocket]).join(', ');
  const foreign = dockerHost !== null && !dockerHost.startsWith('unix://') && containerSocket === null;
  return `no container engine answers (tried ${tried}${foreign ? '; DOCKER_HOST is not a unix:// socket' : ''})`;
};

const processChoice = (config: LauncherConfig, why: string): LauncherChoice => ({
  traits: PROCESS_TRAITS,
  why,
  remedy: '',
  create({ installationId }) {
    const processes = join(config.dataDirectory, 'processes');
    return new ProcessLauncher({
      stateDirectory: join(processes, installationId),
      cacheDirectory: join(processes, 'compiled'),
      environment: config.childEnvironment,
    });
  },
});

const containerChoice = (config: LauncherConfig, socketPath: string): LauncherChoice => ({
  traits: containerTraits(config.executorNetwork),
  why: `the engine on ${socketPath} answers`,
  remedy: 'Set LAUNCHER=process to run without a container engine.',
  create({ installationId, redis, logger }) {
    const log = logger.child({ part: 'images' });
    return new ContainerLauncher({
      allowedImages: config.allotment.allowedImages,
      pulledImages: { directory: join(config.dataDirectory, 'images'), retentionMs: config.imageRetentionMs, log },
      socketPath,
      network: config.executorNetwork,
      executorImage: config.executorImage,
      redisMount: redis.mount,
      extraHosts: HOST_NAMES.filter((name) => redis.urlFor(null).includes(name)).map((name) => `${name}:host-gateway`),
      installationId,
      pidsLimit: PIDS_LIMIT,
      workspaceBytes: WORKSPACE_BYTES,
    });
  },
});
