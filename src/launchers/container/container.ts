/** What the engine is asked to make for one attempt. Pure. */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import type { RunId } from '../../domain/ids.ts';
import type { Resources } from '../../domain/run.ts';
import { modeArguments } from '../../wire/executorOrders.ts';
import {
  ENTER,
  EXECUTOR_PROGRAM,
  FIFO_DIRECTORY,
  INHERITED,
  NODE_COMMAND,
  REDIS_DIRECTORY,
  TINI,
  WORKSPACE,
} from '../../wire/executorRoot.ts';
import { type ImageVolumes, volumeMounts } from './volumes.ts';

/** Of the executor's own files: FIFOs, and copies of the engine's hosts and resolv.conf. */
const FIFO_BYTES = 256 * 1024;
/** The run's own writable directories, each in memory and bounded. */
const ROOMS = [WORKSPACE, '/tmp'] as const;
/** Files of a room: as many as it has pages, or empty ones would take the machine's memory. */
const BYTES_PER_INODE = 4096;
/** Podman lays tmpfs without bound over these where the root is read-only; closed ones take their place. */
const PODMAN_ROOMS = ['/run', '/var/tmp'] as const;
const CLOSED_BYTES = 64 * 1024;
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

/**
 * Where the executor's root directory is mounted: nowhere that an image could know of beforehand and lay something of
 * its own over it, by a symbolic link or a VOLUME. Only root may enter it, so a command, which never is, cannot.
 */
export const newExecutorRoot = (): string => `/.runloom-${randomBytes(12).toString('hex')}`;

/** Arguments of the container's first process, tini: it starts the carried Node.js in the executor's own root. */
const carriedNode = (root: string, args: readonly string[]): string[] => [
  '--',
  `${root}${ENTER}`,
  ...Object.values(INHERITED).map(({ fd, path }) => `o${fd}:${path}`),
  // Where the image has such a directory, runc 1.1 gives the tmpfs its mode, whatever was asked for.
  ...ROOMS.map((path) => `m${path}`),
  // The working directory stays outside of the root directory: by it, and by no path, /proc can be read.
  'c/proc',
  `r${root}`,
  'e',
  `x${NODE_COMMAND[0]}`,
  '--',
  ...NODE_COMMAND,
  ...args,
];

/** Arguments of Node.js for a run's executor. `imageUser` and `stopSignal` as the image's config has them; '' for none. */
export const executorArguments = (imageUser: string, stopSignal: string): string[] => [
  ...NODE_FLAGS,
  EXECUTOR_PROGRAM,
  ...modeArguments({ kind: 'container', imageUser, stopSignal }),
];

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
  /** From newExecutorRoot. */
  readonly executorRoot: string;
  /** Arguments of the carried Node.js. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly stopGraceMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** As the engine takes a seccomp profile (seccomp.ts); null: the engine's own. */
  readonly seccomp: string | null;
  readonly engine: 'Docker' | 'Podman';
}

/**
 * The create request. The executor is uid 0 with the three rights that starting a command as another user takes, and
 * SYS_CHROOT for its way back into the image's root; the command has none of them.
 */
export const createOptions = (
  settings: ContainerSettings,
  request: ContainerRequest,
): Docker.ContainerCreateOptions => {
  const { cpus, memoryMb } = request.resources;
  // Podman fills a tmpfs from the image by default; Docker does not and refuses the option.
  const empty = request.engine === 'Podman' ? ',notmpcopyup' : '';
  // Podman knows no such option: there the run's memory alone bounds them.
  const inodes =
    request.engine === 'Docker' ? `,nr_inodes=${Math.ceil(settings.workspaceBytes / BYTES_PER_INODE)}` : '';
  const room = `rw,exec,nosuid,nodev,mode=1777,size=${settings.workspaceBytes}${inodes}${empty}`;
  const root = request.executorRoot;
  const binds = [`${request.carriedVolume}:${root}:ro,nocopy`];
  if (settings.redisSocketDirectory !== null) {
    binds.push(`${settings.redisSocketDirectory}:${root}${REDIS_DIRECTORY}:ro`);
  }
  const closed = `rw,noexec,nosuid,nodev,mode=755,size=${CLOSED_BYTES}${empty}`;
  const volumes = volumeMounts(request.imageVolumes, ROOMS);
  const podmanRooms = request.engine === 'Podman' ? PODMAN_ROOMS : [];
  const closedRooms = podmanRooms.filter((path) => !volumes.mounts.some(({ Target }) => Target === path));
  return {
    name: request.name,
    Image: request.image,
    Entrypoint: [`${root}${TINI}`],
    Cmd: carriedNode(root, request.arguments),
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
      CapAdd: ['SETUID', 'SETGID', 'KILL', 'SYS_CHROOT'],
      SecurityOpt: ['no-new-privileges', ...(request.seccomp === null ? [] : [`seccomp=${request.seccomp}`])],
      ...(settings.redisSocketGid !== null ? { GroupAdd: [String(settings.redisSocketGid)] } : {}),
      PidsLimit: settings.pidsLimit,
      ...(cpus !== null ? { NanoCpus: Math.round(cpus * 1e9) } : {}),
      ...(memoryMb !== null ? { Memory: memoryMb * 1024 * 1024, MemorySwap: memoryMb * 1024 * 1024 } : {}),
      IpcMode: 'private',
      ShmSize: SHM_BYTES,
      Tmpfs: {
        ...Object.fromEntries(closedRooms.map((path) => [path, closed])),
        ...Object.fromEntries(volumes.empty.map((path) => [path, `ro,size=${CLOSED_BYTES}${empty}`])),
        ...Object.fromEntries([...ROOMS, ...volumes.rooms].map((path) => [path, room])),
        [`${root}${FIFO_DIRECTORY}`]: `rw,noexec,nosuid,nodev,mode=700,size=${FIFO_BYTES}${empty}`,
      },
      Binds: binds,
      Mounts: [...volumes.mounts],
    },
  };
};
