/** What the engine is asked to make for one attempt. Pure. */
import type Docker from 'dockerode';
import type { RunId } from '../../domain/ids.ts';
import type { Resources } from '../../domain/run.ts';
import { type ImageVolumes, volumeMounts } from './volumes.ts';

/** Where the carried executor is in every container. */
export const CARRIED = '/opt/runloom';
/** Where the directory of Redis' unix socket is in every container. */
export const REDIS_DIRECTORY = '/run/runloom-redis';
/** Where the executor makes the FIFOs that are the command's standard output and error. */
const FIFO_DIRECTORY = '/run/runloom';
const FIFO_BYTES = 64 * 1024;
/** The run's own writable directories, each in memory and bounded. */
const ROOMS = ['/workspace', '/tmp'] as const;
/** Podman lays tmpfs without bound over these where the root is read-only; closed ones take their place. */
const PODMAN_ROOMS = ['/run', '/var/tmp'] as const;
/** Shared memory that programs expect (browsers, multiprocessing); Docker's own default. */
const SHM_BYTES = 64 * 1024 * 1024;

export const LABEL_INSTALLATION = 'runloom.installation';
export const LABEL_RUN = 'runloom.run';
export const LABEL_ATTEMPT = 'runloom.attempt';
export const LABEL_PROBE = 'runloom.probe';

/**
 * Node.js in little memory: the executor copies bytes, its heap stays small. Young generation and
 * worker threads are what it would otherwise take per core.
 */
const NODE_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=4', '--v8-pool-size=1', '--no-warnings'];

export const containerName = (runId: RunId, attempt: number): string => `runloom-${runId}-${attempt}`;

const BUSYBOX = `${CARRIED}/bin/busybox`;
const OPEN_ROOMS = `${BUSYBOX} chmod 1777 /workspace /tmp ${FIFO_DIRECTORY}; exec "$@"`;

/**
 * Starts the carried Node.js with nothing of the image's environment (NODE_OPTIONS, LD_PRELOAD). Before that, the
 * rooms are opened: where the image has such a directory, runc 1.1 gives the tmpfs its mode, whatever was asked for.
 */
export const carriedNode = (...args: readonly string[]): string[] => [
  '--',
  BUSYBOX,
  'sh',
  '-c',
  OPEN_ROOMS,
  'start',
  BUSYBOX,
  'env',
  '-i',
  `${CARRIED}/lib/ld.so`,
  '--library-path',
  `${CARRIED}/lib`,
  `${CARRIED}/bin/node`,
  ...args,
];

/** `imageUser` and `stopSignal` as the image's config has them; '' where it says nothing. */
export const executorCommand = (imageUser: string, stopSignal: string): string[] => {
  const mode = ['--container', `--image-user=${imageUser}`, `--stop-signal=${stopSignal}`];
  return carriedNode(...NODE_FLAGS, `${CARRIED}/executor.mjs`, ...mode);
};

/** From the grace period's end to the last word: pipes are drained, and what is left of the log is stored. */
const WIND_UP_SECONDS = 15;
/** What an engine that is told to stop a container waits before it kills. */
export const stopTimeoutSeconds = (graceMs: number): number => Math.ceil(graceMs / 1000) + WIND_UP_SECONDS;

/** How containers of this service are made; the same for all runs. */
export interface ContainerSettings {
  readonly network: string;
  /** Host path of the directory with Redis' unix socket, mounted read-only; null: Redis is reached by TCP. */
  readonly redisSocketDirectory: string | null;
  /** Group that may enter that directory; an extra group of the executor that the command does not get. */
  readonly redisSocketGid: number | null;
  /** Lines for /etc/hosts, such as "host.containers.internal:host-gateway". */
  readonly extraHosts: readonly string[];
  readonly installationId: string;
  /** Processes and threads in one container. */
  readonly pidsLimit: number;
  /** Bytes of /workspace, and of /tmp. */
  readonly workspaceBytes: number;
}

export interface ContainerRequest {
  readonly name: string;
  readonly image: string;
  readonly imageVolumes: ImageVolumes;
  /** It is switched off: it would be another command in the run's container. */
  readonly imageHasHealthcheck: boolean;
  readonly carriedVolume: string;
  /** Arguments of tini, from carriedNode. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly stopGraceMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly engine: 'Docker' | 'Podman';
}

/** The create request: hardening as DESIGN 6 has it (uid 0 for the executor, who starts the command as another user). */
export const createOptions = (
  settings: ContainerSettings,
  request: ContainerRequest,
): Docker.ContainerCreateOptions => {
  const { cpus, memoryMb } = request.resources;
  // Podman fills a tmpfs from the image by default; Docker does not and refuses the option.
  const empty = request.engine === 'Podman' ? ',notmpcopyup' : '';
  const room = `rw,exec,nosuid,nodev,mode=1777,size=${settings.workspaceBytes}${empty}`;
  const binds = [`${request.carriedVolume}:${CARRIED}:ro,nocopy`];
  if (settings.redisSocketDirectory !== null) binds.push(`${settings.redisSocketDirectory}:${REDIS_DIRECTORY}:ro`);
  const closed = `rw,noexec,nosuid,nodev,mode=755,size=${FIFO_BYTES}${empty}`;
  const volumes = volumeMounts(request.imageVolumes, ROOMS, [CARRIED, REDIS_DIRECTORY, FIFO_DIRECTORY]);
  const podmanRooms = request.engine === 'Podman' ? PODMAN_ROOMS : [];
  const closedRooms = podmanRooms.filter((path) => !volumes.mounts.some(({ Target }) => Target === path));
  return {
    name: request.name,
    Image: request.image,
    Entrypoint: [`${CARRIED}/bin/tini`],
    Cmd: [...request.command],
    Env: Object.entries(request.environment).map(([name, value]) => `${name}=${value}`),
    User: '0:0',
    WorkingDir: '/',
    // To the executor, which passes the image's on to the command.
    StopSignal: 'SIGTERM',
    StopTimeout: stopTimeoutSeconds(request.stopGraceMs),
    // Podman 4 would make a timer even for NONE.
    ...(request.imageHasHealthcheck ? { Healthcheck: { Test: ['NONE'] } } : {}),
    Labels: { ...request.labels, [LABEL_INSTALLATION]: settings.installationId },
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      Init: false,
      AutoRemove: false,
      RestartPolicy: { Name: 'no' },
      // The executor prints only when it cannot work; that must be readable, and bounded.
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k' } },
      NetworkMode: settings.network,
      ...(settings.extraHosts.length > 0 && settings.network !== 'none'
        ? { ExtraHosts: [...settings.extraHosts] }
        : {}),
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: ['SETUID', 'SETGID', 'KILL'],
      SecurityOpt: ['no-new-privileges'],
      ...(settings.redisSocketGid !== null ? { GroupAdd: [String(settings.redisSocketGid)] } : {}),
      PidsLimit: settings.pidsLimit,
      ...(cpus !== null ? { NanoCpus: Math.round(cpus * 1e9) } : {}),
      ...(memoryMb !== null ? { Memory: memoryMb * 1024 * 1024, MemorySwap: memoryMb * 1024 * 1024 } : {}),
      IpcMode: 'private',
      ShmSize: SHM_BYTES,
      Tmpfs: {
        ...Object.fromEntries(closedRooms.map((path) => [path, closed])),
        ...Object.fromEntries(volumes.empty.map((path) => [path, `ro,size=${FIFO_BYTES}${empty}`])),
        ...Object.fromEntries([...ROOMS, ...volumes.rooms].map((path) => [path, room])),
        [FIFO_DIRECTORY]: `rw,noexec,nosuid,nodev,mode=1777,size=${FIFO_BYTES}${empty}`,
      },
      Binds: binds,
      Mounts: [...volumes.mounts],
    },
  };
};
