/** Finds a process again later, also from another process or after a restart of the service. */
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { isAlive, PROC, readProcess } from './processes.ts';

/** Identifies a process even after its pid is reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot id and start time in clock ticks since boot. Null without /proc. */
  readonly started: string | null;
}

/** The identity of a running process. Null if it has ended or is a zombie. */
export const identify = (pid: number): ProcessIdentity | null => {
  if (process.platform !== 'linux') return isAlive(pid) ? { pid, started: null } : null;
  const found = readProcess(pid);
  const boot = readBootId();
  return found === null || boot === null ? null : { pid, started: `${boot} ${found.started}` };
};

/** Whether that same process still runs. */
export const isRunning = (identity: ProcessIdentity): boolean => {
  const now = identify(identity.pid);
  return now !== null && now.started === identity.started;
};

const readBootId = (): string | null => {
  try {
    return readFileSync(`${PROC}/sys/kernel/random/boot_id`, 'utf8').trim();
  } catch {
    return null;
  }
};

/**
 * Which processes this one can see and signal: those of one boot of one machine, one PID namespace and one user. Processes
 * with the same text see the same ones. Without /proc: the host's name and the user.
 */
export const visibleProcesses = (): string => {
  const user = process.getuid?.() ?? 0;
  try {
    const namespace = readlinkSync(`${PROC}/self/ns/pid`).replace(/\D/g, '');
    return `${readBootId() ?? hostname()}:${namespace}:${user}`;
  } catch {
    return `${hostname()}:${user}`;
  }
};

/**
 * Pids of processes whose environment has all of `variables` and, with any value, all of `names`. This process is left
 * out. Empty without /proc. Asynchronous, because it reads a file for each process of the machine.
 */
export const findByEnvironment = async (
  variables: Readonly<Record<string, string>>,
  names: readonly string[] = [],
): Promise<readonly number[]> => {
  const wanted = [
    ...Object.entries(variables).map(([name, value]) => `\0${name}=${value}\0`),
    ...names.map((name) => `\0${name}=`),
  ];
  const found: number[] = [];
  for (const entry of await readdir(PROC).catch(() => [])) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environ = await readFile(`${PROC}/${pid}/environ`, 'latin1').catch(() => '');
    if (environ !== '' && wanted.every((text) => `\0${environ}\0`.includes(text))) found.push(pid);
  }
  return found;
};

/**
 * Signals a process or, if `pid` is negative, a group. Does nothing if there is none. @throws Error if not permitted
 */
export const sendSignal = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};
