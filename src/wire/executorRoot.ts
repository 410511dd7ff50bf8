/**
 * The executor's root directory in a container, as the launcher and the executor (executor/) both know it. It holds
 * the carried executor and nothing of the image; what the executor needs of the container beside it, it gets as open
 * files (docs/decisions/0009).
 */

/** Where the carried executor is, seen from its own root. */
export const CARRIED = '/opt/runloom';
/** Where the directory of Redis' unix socket is. */
export const REDIS_DIRECTORY = '/run/runloom-redis';
/** Where the executor makes the FIFOs that are the command's standard output and error, and has its few own files. */
export const FIFO_DIRECTORY = '/run/runloom';
/** The resolver's files, which are links into FIFO_DIRECTORY. */
export const RESOLVER_FILES = {
  hosts: `${FIFO_DIRECTORY}/hosts`,
  resolvConf: `${FIFO_DIRECTORY}/resolv.conf`,
} as const;
/** Does the steps that lead from one root directory into the other (executor/enter/enter.c). */
export const ENTER = `${CARRIED}/bin/enter`;

interface InheritedFile {
  readonly fd: number;
  readonly path: string;
}

/** What is open when the executor starts: opened in the container's root before that is left, for reading. */
export const INHERITED = {
  /** The image's root directory. */
  root: { fd: 10, path: '/' },
  null: { fd: 11, path: '/dev/null' },
  /** Environment of the container's first process: the engine's, the image's and ours. */
  environment: { fd: 12, path: '/proc/1/environ' },
  passwd: { fd: 13, path: '/etc/passwd' },
  group: { fd: 14, path: '/etc/group' },
  hosts: { fd: 15, path: '/etc/hosts' },
  resolvConf: { fd: 16, path: '/etc/resolv.conf' },
  /** Counters and bounds of the container's cgroup: version 2, and version 1 from Linux 4.13 on. */
  memoryEvents: { fd: 17, path: '/sys/fs/cgroup/memory.events' },
  memoryEventsV1: { fd: 18, path: '/sys/fs/cgroup/memory/memory.oom_control' },
  memoryLimit: { fd: 19, path: '/sys/fs/cgroup/memory.max' },
  memoryLimitV1: { fd: 20, path: '/sys/fs/cgroup/memory/memory.limit_in_bytes' },
  cpuLimit: { fd: 21, path: '/sys/fs/cgroup/cpu.max' },
  cpuLimitV1: { fd: 22, path: '/sys/fs/cgroup/cpu/cpu.cfs_quota_us' },
  pidsLimit: { fd: 23, path: '/sys/fs/cgroup/pids.max' },
  pidsLimitV1: { fd: 24, path: '/sys/fs/cgroup/pids/pids.max' },
} as const satisfies Readonly<Record<string, InheritedFile>>;
