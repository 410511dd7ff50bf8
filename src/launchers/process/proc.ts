/** What the system tells of processes: /proc on Linux, no more than "is it there" elsewhere. */
import { readdir, readFile } from 'node:fs/promises';

/** A process that cannot be taken for a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot and start in ticks since it (/proc/<pid>/stat, field 22; proc(5)); null where there is no /proc. */
  readonly started: string | null;
}

/** Its identity while it lives; null where it is gone or only waits to be reaped. */
export const identify = async (pid: number): Promise<ProcessIdentity | null> => {
  if (process.platform !== 'linux') return isThere(pid) ? { pid, started: null } : null;
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name (field 2) is in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    if (state === 'Z' || state === 'X') return null;
    return { pid, started: `${await bootId()} ${fields[19]}` };
  } catch {
    return null;
  }
};

export const lives = async (identity: ProcessIdentity): Promise<boolean> => {
  const now = await identify(identity.pid);
  return now !== null && now.started === identity.started;
};

let boot: Promise<string> | null = null;
const bootId = (): Promise<string> => {
  boot ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim());
  return boot;
};

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Sends the signal; harmless where there is no such process (any more). A negative pid is a process group. */
export const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

/** Pids whose environment holds all of these variables, and those that are named with any value; none without /proc. */
export const withEnvironment = async (
  variables: Readonly<Record<string, string>>,
  named: readonly string[] = [],
): Promise<readonly number[]> => {
  const wanted = [
    ...Object.entries(variables).map(([name, value]) => `\0${name}=${value}\0`),
    ...named.map((name) => `\0${name}=`),
  ];
  const entries = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const entry of entries) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (environment !== '' && wanted.every((text) => `\0${environment}\0`.includes(text))) found.push(pid);
  }
  return found;
};
