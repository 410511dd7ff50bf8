/**
 * Where the command runs: a container, or a directory of the machine. The rest of the executor is the same for both.
 */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { LivingProcess } from '../../src/system/processes.ts';
import { type ExecutorMode, PROCESS_WORKSPACE } from '../../src/wire/executorOrders.ts';
import { BUSYBOX, FIFO_DIRECTORY, INHERITED, RESOLVER_FILES, WORKSPACE } from '../../src/wire/executorRoot.ts';
import { parseRedisUrl } from '../../src/wire/redisUrl.ts';
import { readMemoryLimit, readOomKills } from '../start/cgroupMemory.ts';
import { resolveUser } from '../start/commandUser.ts';
import type { Orders } from '../start/environment.ts';
import { readImageFile } from '../start/openedFiles.ts';
import { AttemptProcesses, killContainerProcesses, listContainerProcesses } from './attemptProcesses.ts';
import type { FifoOptions } from './fifos.ts';
import { type ImageEntry, REPORT_FIFO } from './startInImage.ts';
import { parseStopSignal } from './stopSignal.ts';

export interface CommandRuntime extends FifoOptions {
  /** Working directory of the command, and its HOME. */
  readonly workspace: string;
  /** Root directory and user of the command. Null: those of the executor. */
  readonly entry: ImageEntry | null;
  /** Bytes of memory for executor and command together. Null: no limit. */
  readonly memoryLimit: number | null;
  /** Out-of-memory kills of the kernel so far. Always 0 for a local process, where others share the counter. */
  readonly oomKills: () => number;
  /** Number of the signal that asks the command to end. */
  readonly stopSignal: number;
  /** Processes of the command that run, without its own process `leader`. */
  readonly others: (leader: number) => readonly LivingProcess[];
  /** Kills all processes of the command. */
  readonly killAll: () => void;
  /** The same, but only if no processes of another executor of this attempt can be hit: in a container. */
  readonly killAllIfIsolated: () => void;
}

/** @throws UnknownUser if the image's user can't be resolved; Error if a local attempt's directory is missing (W11) */
export const openRuntime = (mode: ExecutorMode, orders: Orders): CommandRuntime =>
  mode.kind === 'container' ? openContainer(mode, orders) : openDirectory(mode.directory, orders);

type ContainerMode = Extract<ExecutorMode, { kind: 'container' }>;

/**
 * The executor's root directory is not the image's: it knows the image by its open files (src/wire/executorRoot.ts).
 */
const openContainer = (mode: ContainerMode, orders: Orders): CommandRuntime => ({
  workspace: WORKSPACE,
  directory: FIFO_DIRECTORY,
  moreFifos: [REPORT_FIFO],
  mkfifo: [BUSYBOX, 'mkfifo'],
  environment: {},
  entry: containerEntry(mode, orders),
  memoryLimit: readMemoryLimit(),
  oomKills: readOomKills,
  stopSignal: parseStopSignal(mode.stopSignal),
  others: listContainerProcesses,
  killAll: killContainerProcesses,
  killAllIfIsolated: killContainerProcesses,
});

/** @throws UnknownUser */
const containerEntry = ({ imageUser }: ContainerMode, orders: Orders): ImageEntry => {
  const files = { passwd: readImageFile('passwd'), group: readImageFile('group') };
  return { root: INHERITED.root.fd, user: resolveUser(imageUser, files, groupOfSocket(orders.redisUrl)) };
};

/** The group that may enter the mounted directory of Redis' socket. */
const groupOfSocket = (redisUrl: string): number | null => {
  const { socketPath } = parseRedisUrl(redisUrl);
  if (socketPath === null) return null;
  return statSync(dirname(socketPath), { throwIfNoEntry: false })?.gid ?? null;
};

/** Copies the engine's hosts and resolv.conf to where the executor's C library looks, if Redis is reached by a name. */
export const writeResolverFiles = (mode: ExecutorMode, { redisUrl }: Orders): void => {
  if (mode.kind !== 'container' || parseRedisUrl(redisUrl).socketPath !== null) return;
  writeFileSync(RESOLVER_FILES.hosts, readImageFile('hosts'));
  writeFileSync(RESOLVER_FILES.resolvConf, readImageFile('resolvConf'));
};

const openDirectory = (path: string, { runId, attempt }: Orders): CommandRuntime => {
  const root = resolve(path);
  const workspace = join(root, PROCESS_WORKSPACE);
  // Not recursive: if the attempt's directory was removed, it must stay away, for that ends this executor (W11a).
  if (!existsSync(workspace)) mkdirSync(workspace);
  const processes = new AttemptProcesses(runId, attempt);
  return {
    workspace,
    directory: root,
    moreFifos: [],
    mkfifo: ['mkfifo'],
    environment: { PATH: process.env.PATH ?? '' },
    entry: null,
    memoryLimit: null,
    oomKills: () => 0,
    stopSignal: constants.signals.SIGTERM,
    others: (leader) => processes.others(leader),
    killAll: () => processes.kill(),
    killAllIfIsolated: () => undefined,
  };
};
