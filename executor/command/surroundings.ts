/** What differs between a container and a plain process: directories, users, how the rest is killed. */
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
import { type Entry, REPORT_FIFO } from './enterImage.ts';
import type { FifoPlace } from './fifos.ts';
import { AttemptProcesses, killAllOthers, listAllOthers } from './remaining.ts';
import { parseStopSignal } from './stopSignal.ts';

export interface Place extends FifoPlace {
  /** Where the command starts; its HOME too. */
  readonly workspace: string;
  /** Root directory and user of the command; null: the executor's own. */
  readonly entry: Entry | null;
  /** Bytes of memory for executor and command together; null where nothing bounds them. */
  readonly memoryLimit: number | null;
  /** How often the kernel has killed for memory here; always 0 where others could be meant. */
  readonly oomKills: () => number;
  /** Number of the signal that asks the command to end. */
  readonly stopSignal: number;
  /** What lives of the command beside its own process `leader`, whose session and group have its number. */
  readonly others: (leader: number) => readonly LivingProcess[];
  /** Kills all of the command, and what it left behind. */
  readonly killRemains: () => void;
  /** The same where another executor may have begun the same attempt meanwhile, and must not be hit. */
  readonly killRemainsOfOurs: () => void;
}

/** @throws UnknownUser where the image's user makes no sense */
export const findPlace = (mode: ExecutorMode, orders: Orders): Place =>
  mode.kind === 'container' ? container(mode, orders) : directory(mode.directory, orders);

type ContainerMode = Extract<ExecutorMode, { kind: 'container' }>;

/** The executor sees its own root directory, the carried one. It reads the container's files through openedFiles.ts. */
const container = (mode: ContainerMode, orders: Orders): Place => ({
  workspace: WORKSPACE,
  directory: FIFO_DIRECTORY,
  moreFifos: [REPORT_FIFO],
  mkfifo: [BUSYBOX, 'mkfifo'],
  environment: {},
  entry: containerEntry(mode, orders),
  memoryLimit: readMemoryLimit(),
  oomKills: readOomKills,
  stopSignal: parseStopSignal(mode.stopSignal),
  others: listAllOthers,
  killRemains: killAllOthers,
  killRemainsOfOurs: killAllOthers,
});

/** @throws UnknownUser */
const containerEntry = ({ imageUser }: ContainerMode, orders: Orders): Entry => {
  const files = { passwd: readImageFile('passwd'), group: readImageFile('group') };
  return { root: INHERITED.root.fd, user: resolveUser(imageUser, files, groupOfSocket(orders.redisUrl)) };
};

/** Gives the C library in the executor's root what the engine says of names; needed where Redis is reached by one. */
export const prepareNames = (mode: ExecutorMode, { redisUrl }: Orders): void => {
  if (mode.kind !== 'container' || parseRedisUrl(redisUrl).socketPath !== null) return;
  writeFileSync(RESOLVER_FILES.hosts, readImageFile('hosts'));
  writeFileSync(RESOLVER_FILES.resolvConf, readImageFile('resolvConf'));
};

const directory = (path: string, { runId, attempt }: Orders): Place => {
  const root = resolve(path);
  const workspace = join(root, PROCESS_WORKSPACE);
  // Not its parents: if the directory was removed, it must stay away, or nobody would end this executor (W11a).
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
    killRemains: () => processes.kill(),
    killRemainsOfOurs: () => undefined,
  };
};

/** The group through which the executor reaches the mounted directory of Redis' socket. */
const groupOfSocket = (redisUrl: string): number | null => {
  const { socketPath } = parseRedisUrl(redisUrl);
  if (socketPath === null) return null;
  return statSync(dirname(socketPath), { throwIfNoEntry: false })?.gid ?? null;
};
