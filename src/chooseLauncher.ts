/** Which launcher the service uses: what LAUNCHER says, or the best that is there. */
import { join } from 'node:path';
import type { Config } from './config.ts';
import { engineAnswers, findContainerSocket, socketCandidates } from './launchers/container/engine/socket.ts';
import { ContainerLauncher } from './launchers/container/launcher.ts';
import type { Launcher } from './launchers/launcher.ts';
import { ProcessLauncher } from './launchers/process/launcher.ts';
import { EXIT, StartFailure } from './startFailure.ts';

/** Processes and threads of one run; a fork bomb ends there. */
const PIDS_LIMIT = 1024;
/** Of /workspace and of /tmp, which are memory: as much as a run may take without being asked. */
const WORKSPACE_BYTES = 1024 ** 3;
/** Names by which the engines call their host, given to the container where the executor's Redis is there. */
const HOST_NAMES: readonly string[] = ['host.docker.internal', 'host.containers.internal'];

export type LauncherChoice =
  | { readonly kind: 'container'; readonly socketPath: string; readonly why: string }
  | { readonly kind: 'process'; readonly why: string };

type Asked = Pick<
  Config,
  'launcher' | 'containerSocket' | 'dockerHost' | 'runtimeDirectory' | 'openToNetwork' | 'host'
>;

/** `why` is one line for the start. @throws StartFailure where what was asked for is not there */
export const chooseLauncher = async (config: Asked): Promise<LauncherChoice> => {
  if (config.launcher === 'process') {
    return { kind: 'process', why: 'LAUNCHER=process: no image, no other user, no bound (development only)' };
  }
  const named = config.containerSocket;
  const socketPath = named === null ? await findContainerSocket(config) : (await engineAnswers(named)) ? named : null;
  if (socketPath !== null) return { kind: 'container', socketPath, why: `the engine on ${socketPath} answers` };
  const tried = (named === null ? socketCandidates(config) : [named]).join(', ');
  const foreign = config.dockerHost !== null && !config.dockerHost.startsWith('unix://') && named === null;
  const none = `no container engine answers (tried ${tried}${foreign ? '; DOCKER_HOST is no unix:// socket' : ''})`;
  if (config.launcher === 'container') throw new StartFailure(`LAUNCHER=container, but ${none}`, EXIT.unavailable);
  if (config.openToNetwork) {
    const message = `${none}, and local processes are for a loopback HOST alone, which ${config.host} is not`;
    throw new StartFailure(`${message}; start an engine, or set LAUNCHER=process all the same`, EXIT.unavailable);
  }
  return { kind: 'process', why: `${none}; no image, no other user, no bound (development only)` };
};

export interface LauncherParts {
  readonly config: Pick<Config, 'dataDirectory' | 'childEnvironment' | 'executorNetwork' | 'executorImage'>;
  readonly installationId: string;
  readonly redis: { readonly url: string; readonly mountDirectory: string | null; readonly mountGid: number | null };
}

/** The launcher that was chosen, not prepared yet. */
export const createLauncher = (choice: LauncherChoice, { config, installationId, redis }: LauncherParts): Launcher => {
  if (choice.kind === 'process') {
    const processes = join(config.dataDirectory, 'processes');
    return new ProcessLauncher({
      stateDirectory: join(processes, installationId),
      cacheDirectory: join(processes, 'compiled'),
      environment: config.childEnvironment,
    });
  }
  return new ContainerLauncher({
    socketPath: choice.socketPath,
    network: config.executorNetwork,
    executorImage: config.executorImage,
    redisSocketDirectory: redis.mountDirectory,
    redisSocketGid: redis.mountGid,
    extraHosts: HOST_NAMES.filter((name) => redis.url.includes(name)).map((name) => `${name}:host-gateway`),
    installationId,
    pidsLimit: PIDS_LIMIT,
    workspaceBytes: WORKSPACE_BYTES,
  });
};
