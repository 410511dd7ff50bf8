/** The engine's create request for one attempt. Pure. */
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
import type { RedisMount } from '../launcher.ts';
import { type ImageVolumes, type VolumeMounts, volumeMounts } from './volumes.ts';

/** Size of the tmpfs with the executor's own files: FIFOs, and copies of the engine's hosts and resolv.conf. */
const FIFO_BYTES = 256 * 1024;
/** The run's own writable directories: each a tmpfs with a size limit. */
const WRITABLE = [WORKSPACE, '/tmp'] as const;
/** Limits the number of files to that of the pages: else empty files could take the machine's memory. */
const BYTES_PER_INODE = 4096;
/** Over these Podman mounts tmpfs without a limit where the root is read-only. Small ones take their place. */
const PODMAN_WRITABLE = ['/run', '/var/tmp'] as const;
const CLOSED_BYTES = 64 * 1024;
/** Shared memory that programs expect (browsers, multiprocessing); Docker's own default. */
const SHM_BYTES = 64 * 1024 * 1024;

export const LABEL_INSTALLATION = 'runloom.installation';
export const LABEL_RUN = 'runloom.run';
export const LABEL_ATTEMPT = 'runloom.attempt';
export const LABEL_PROBE = 'runloom.probe';

/**
 * Keeps Node.js small: the executor copies bytes and needs little heap. By default the young generation and the worker
 * threads grow with the number of cores.
 */
const NODE_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=4', '--v8-pool-size=1', '--no-warnings'];

export const containerName = (runId: RunId, attempt: number): string => `runloom-${runId}-${attempt}`;

/**
 * A new path for the executor's root directory. It is random, so that no image can cover it with a symbolic link or a
 * VOLUME. Only root has access to the directory, and a command never is root.
 */
export const newExecutorRoot = (): string => `/.runloom-${randomBytes(12).toString('hex')}`;

/** Arguments of tini, the container's first process: it starts the carried Node.js in the executor's own root. */
const carriedNode = (root: string, args: readonly string[]): string[] => [
  '--',
  `${root}${ENTER}`,
  // Core dumps would contain secrets. (Podman refuses HostConfig.Ulimits where it has fewer rights than it asks for.)
  'l',
  ...Object.values(INHERITED).map(({ fd, path }) => `o${fd}:${path}`),
  // Sets the mode: runc 1.1 ignores the requested one and takes that of the image's directory of this name.
  ...WRITABLE.map((path) => `m${path}`),
  // The working directory stays outside of the root directory: /proc is reached only through it.
  'c/proc',
  `r${root}`,
  'e',
  `x${NODE_COMMAND[0]}`,
  '--',
  ...NODE_COMMAND,
  ...args,
];

/** Arguments of Node.js for a run's executor. `imageUser`, `stopSignal`: USER and STOPSIGNAL of the image; '' for none. */
export const executorArguments = (imageUser: string, stopSignal: string): string[] => [
  ...NODE_FLAGS,
  EXECUTOR_PROGRAM,
  ...modeArguments({ kind: 'container', imageUser, stopSignal }),
];

/** From the end of the grace period to the executor's exit: it reads the pipes to their end and stores the log. */
const WIND_UP_SECONDS = 15;
/** How long an engine that stops a container waits before it kills, seconds. */
export const stopTimeoutSeconds = (graceMs: number): number => Math.ceil(graceMs / 1000) + WIND_UP_SECONDS;

/** Settings of all containers of this service. */
export interface ContainerSettings {
  readonly network: string;
  /** Mounted read-only; null: Redis is reached over the network. */
  readonly redisMount: RedisMount | null;
  /** Lines for /etc/hosts, such as "host.containers.internal:host-gateway". */
  readonly extraHosts: readonly string[];
  readonly installationId: string;
  /** Processes and threads in one container, at most. */
  readonly pidsLimit: number;
  /** Bytes of /workspace and bytes of /tmp, at most. */
  readonly workspaceBytes: number;
}

export interface ContainerRequest {
  readonly name: string;
  readonly image: string;
  readonly imageVolumes: ImageVolumes;
  /** Its HEALTHCHECK is switched off: it would be a second command in the run's container. */
  readonly imageHasHealthcheck: boolean;
  readonly carriedVolume: string;
  /** A path of newExecutorRoot. */
  readonly executorRoot: string;
  /** Arguments of the carried Node.js. */
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly stopGraceMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The seccomp profile in the engine's form (seccomp.ts); null: the engine's default. */
  readonly seccomp: string | null;
  readonly engine: 'Docker' | 'Podman';
}

/** The executor starts the command as another user (SETUID, SETGID, KILL) and changes its root (SYS_CHROOT). */
const EXECUTOR_CAPABILITIES = ['SETUID', 'SETGID', 'KILL', 'SYS_CHROOT'];

/** The executor runs as uid 0 with EXECUTOR_CAPABILITIES; its command has neither. */
export const createOptions = (
  settings: ContainerSettings,
  request: ContainerRequest,
): Docker.ContainerCreateOptions => {
  const root = request.executorRoot;
  const volumes = volumeMounts(request.imageVolumes, WRITABLE);
  return {
    name: request.name,
    Image: request.image,
    Entrypoint: [`${root}${TINI}`],
    Cmd: carriedNode(root, request.arguments),
    Env: Object.entries(request.environment).map(([name, value]) => `${name}=${value}`),
    User: '0:0',
    WorkingDir: '/',
    // The executor's; it sends the image's own signal to the command.
    StopSignal: 'SIGTERM',
    StopTimeout: stopTimeoutSeconds(request.stopGraceMs),
    // Only where it is needed: Podman 4 makes a timer even for NONE.
    ...(request.imageHasHealthcheck ? { Healthcheck: { Test: ['NONE'] } } : {}),
    Labels: { ...request.labels, [LABEL_INSTALLATION]: settings.installationId },
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      Init: false,
      AutoRemove: false,
      RestartPolicy: { Name: 'no' },
      // The executor prints only when it cannot work; that must be readable and limited.
      LogConfig: { Type: 'json-file', Config: { 'max-size': '64k' } },
      ...network(settings),
      ReadonlyRootfs: true,
      ...rights(settings, request),
      ...limits(settings, request),
      Tmpfs: tmpfs(settings, request, volumes),
      Binds: binds(settings, request),
      Mounts: [...volumes.mounts],
    },
  };
};

const network = ({ network: name, extraHosts }: ContainerSettings): Docker.HostConfig => ({
  NetworkMode: name,
  ...(extraHosts.length > 0 && name !== 'none' ? { ExtraHosts: [...extraHosts] } : {}),
});

const rights = ({ redisMount }: ContainerSettings, { seccomp }: ContainerRequest): Docker.HostConfig => ({
  CapDrop: ['ALL'],
  CapAdd: EXECUTOR_CAPABILITIES,
  SecurityOpt: ['no-new-privileges', ...(seccomp === null ? [] : [`seccomp=${seccomp}`])],
  ...(redisMount === null ? {} : { GroupAdd: [String(redisMount.gid)] }),
});

const limits = ({ pidsLimit }: ContainerSettings, { resources }: ContainerRequest): Docker.HostConfig => {
  const { cpus, memoryMb } = resources;
  return {
    PidsLimit: pidsLimit,
    ...(cpus === null ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(memoryMb === null ? {} : { Memory: memoryMb * 1024 * 1024, MemorySwap: memoryMb * 1024 * 1024 }),
    IpcMode: 'private',
    ShmSize: SHM_BYTES,
  };
};

const binds = ({ redisMount }: ContainerSettings, { carriedVolume, executorRoot }: ContainerRequest): string[] => [
  `${carriedVolume}:${executorRoot}:ro,nocopy`,
  ...(redisMount === null ? [] : [`${redisMount.directory}:${executorRoot}${REDIS_DIRECTORY}:ro`]),
];

/** Paths and mount options of all tmpfs. */
const tmpfs = (
  { workspaceBytes }: ContainerSettings,
  { engine, executorRoot }: ContainerRequest,
  volumes: VolumeMounts,
): Record<string, string> => {
  const podman = engine === 'Podman';
  // Podman fills a tmpfs from the image by default; Docker does not, and refuses the option.
  const empty = podman ? ',notmpcopyup' : '';
  // Podman does not know the option: there only the run's memory limits the number of files.
  const inodes = podman ? '' : `,nr_inodes=${Math.ceil(workspaceBytes / BYTES_PER_INODE)}`;
  const writable = `rw,exec,nosuid,nodev,mode=1777,size=${workspaceBytes}${inodes}${empty}`;
  const closed = `rw,noexec,nosuid,nodev,mode=755,size=${CLOSED_BYTES}${empty}`;
  const closedPaths = (podman ? PODMAN_WRITABLE : []).filter(
    (path) => !volumes.mounts.some(({ Target }) => Target === path),
  );
  return {
    ...Object.fromEntries(closedPaths.map((path) => [path, closed])),
    ...Object.fromEntries(volumes.empty.map((path) => [path, `ro,size=${CLOSED_BYTES}${empty}`])),
    ...Object.fromEntries([...WRITABLE, ...volumes.writable].map((path) => [path, writable])),
    [`${executorRoot}${FIFO_DIRECTORY}`]: `rw,noexec,nosuid,nodev,mode=700,size=${FIFO_BYTES}${empty}`,
  };
};
