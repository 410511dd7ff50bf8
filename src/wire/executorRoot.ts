/**
 * Paths and open files of the executor in a container. Its root directory is a volume that holds the executor and
 * nothing of the image, so what it needs of the container it gets as open files (docs/decisions/0009).
 */

/** The executor's own files: the volume holds them, and so does the executor image (executor/Dockerfile). */
export const CARRIED = '/opt/runloom';
/** The executor as one file. */
export const EXECUTOR_PROGRAM = `${CARRIED}/executor.mjs`;
/** The static busybox; it makes the command's FIFOs. */
export const BUSYBOX = `${CARRIED}/bin/busybox`;
/** The container's first process. */
export const TINI = `${CARRIED}/bin/tini`;
/** Changes from one root directory to another (executor/enter/enter.c). */
export const ENTER = `${CARRIED}/bin/enter`;
/** Starts Node.js with its own libraries, whatever C library the image has. Arguments of Node.js follow. */
export const NODE_COMMAND = [
  `${CARRIED}/lib/ld.so`,
  '--library-path',
  `${CARRIED}/lib`,
  `${CARRIED}/bin/node`,
] as const;

/**
 * Mount point of the directory with Redis' unix socket. The directory, because a mounted socket is dead after a
 * restart.
 */
export const REDIS_DIRECTORY = '/run/runloom-redis';
/** The executor's writable directory: FIFOs for the command's output, and the files below. */
export const FIFO_DIRECTORY = '/run/runloom';
/** Files of the C library's resolver. The root directory has links to them in /etc. */
export const RESOLVER_FILES = {
  hosts: `${FIFO_DIRECTORY}/hosts`,
  resolvConf: `${FIFO_DIRECTORY}/resolv.conf`,
} as const;

/** Working directory and HOME of the command, in the container's root directory. */
export const WORKSPACE = '/workspace';

interface InheritedFile {
  readonly fd: number;
  readonly path: string;
}

/** Files that are open for reading when the executor starts. `enter` opens them in the container's root directory. */
export const INHERITED = {
  /** The image's root directory. */
  root: { fd: 10, path: '/' },
  null: { fd: 11, path: '/dev/null' },
  /** Environment of the container's first process: variables of the engine, the image and the launcher. */
  environment: { fd: 12, path: '/proc/1/environ' },
  passwd: { fd: 13, path: '/etc/passwd' },
  group: { fd: 14, path: '/etc/group' },
  hosts: { fd: 15, path: '/etc/hosts' },
  resolvConf: { fd: 16, path: '/etc/resolv.conf' },
  /** Counters and limits of the container's cgroup: version 2, and version 1 from Linux 4.13 on. */
  memoryEvents: { fd: 17, path: '/sys/fs/cgroup/memory.events' },
  memoryEventsV1: { fd: 18, path: '/sys/fs/cgroup/memory/memory.oom_control' },
  memoryLimit: { fd: 19, path: '/sys/fs/cgroup/memory.max' },
  memoryLimitV1: { fd: 20, path: '/sys/fs/cgroup/memory/memory.limit_in_bytes' },
  cpuLimit: { fd: 21, path: '/sys/fs/cgroup/cpu.max' },
  cpuLimitV1: { fd: 22, path: '/sys/fs/cgroup/cpu/cpu.cfs_quota_us' },
  pidsLimit: { fd: 23, path: '/sys/fs/cgroup/pids.max' },
  pidsLimitV1: { fd: 24, path: '/sys/fs/cgroup/pids/pids.max' },
} as const satisfies Readonly<Record<string, InheritedFile>>;
