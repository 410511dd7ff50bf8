/** What differs between a container and a plain process: directories, users, how the rest is killed. */
import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseRedisUrl } from '../src/log/redisUrl.ts';
import type { Mode, Orders, Variables } from './environment.ts';
import type { FifoPlace } from './fifos.ts';
import { readMemoryLimit, readOomKills } from './memory.ts';
import type { LivingProcess } from './processes.ts';
import { AttemptProcesses, killAllOthers, listAllOthers } from './remains.ts';
import { parseStopSignal } from './stopSignal.ts';
import { resolveUser } from './user.ts';

export interface Place extends FifoPlace {
  /** Where the command starts; its HOME too. */
  readonly workspace: string;
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
export const findPlace = (mode: Mode, orders: Orders, environment: Variables): Place =>
  mode.kind === 'container' ? container(mode, orders, environment) : directory(mode.directory, orders);

const WORKSPACE = '/workspace';
const FIFO_DIRECTORY = '/run/runloom';

type ContainerMode = Extract<Mode, { kind: 'container' }>;

const container = (mode: ContainerMode, orders: Orders, environment: Variables): Place => {
  for (const path of [WORKSPACE, FIFO_DIRECTORY, '/tmp']) openToAll(path);
  return containerPlace(mode, orders, environment);
};

/** runc gives a tmpfs the mode that the image's directory under it has, whatever was asked for (measured, 1.1). */
const openToAll = (path: string): void => {
  try {
    chmodSync(path, 0o1777);
  } catch {
    // Not ours, or not writable: then it is as the engine made it.
  }
};

const containerPlace = (mode: ContainerMode, orders: Orders, environment: Variables): Place => ({
  workspace: WORKSPACE,
  directory: FIFO_DIRECTORY,
  mkfifo: ['/opt/runloom/bin/busybox', 'mkfifo'],
  environment,
  user: resolveUser(
    mode.imageUser,
    { passwd: readOptional('/etc/passwd'), group: readOptional('/etc/group') },
    groupOfSocket(orders.redisUrl),
  ),
  memoryLimit: readMemoryLimit(),
  oomKills: readOomKills,
  stopSignal: parseStopSignal(mode.stopSignal),
  others: listAllOthers,
  killRemains: killAllOthers,
  killRemainsOfOurs: killAllOthers,
});

const directory = (path: string, { runId, attempt }: Orders): Place => {
  const root = resolve(path);
  const workspace = join(root, 'workspace');
  mkdirSync(workspace, { recursive: true });
  const processes = new AttemptProcesses(runId, attempt);
  return {
    workspace,
    directory: root,
    mkfifo: ['mkfifo'],
    environment: { PATH: process.env.PATH ?? '' },
    user: null,
    memoryLimit: null,
    oomKills: () => 0,
    stopSignal: constants.signals.SIGTERM,
    others: (leader) => processes.others(leader),
    killRemains: () => processes.kill(),
    killRemainsOfOurs: () => undefined,
  };
};

const readOptional = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The group through which the executor reaches the mounted directory of Redis' socket. */
const groupOfSocket = (redisUrl: string): number | null => {
  const { socketPath } = parseRedisUrl(redisUrl);
  if (socketPath === null) return null;
  return statSync(dirname(socketPath), { throwIfNoEntry: false })?.gid ?? null;
};
