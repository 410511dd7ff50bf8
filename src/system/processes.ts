/** Reads processes from /proc (proc(5)) and signals them. Where there is no /proc (macOS), less is known. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Path of /proc. In a container the executor reaches it only as its working directory: its root directory has no /proc
 * (src/launchers/container/container.ts).
 */
export const PROC = existsSync('/proc/self') || process.platform !== 'linux' ? '/proc' : '.';

export interface LivingProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Start time in clock ticks since boot. Together with the pid it identifies a process after the pid is reused. */
  readonly started: string;
}

/** All processes of this PID namespace except zombies. Empty without /proc. */
export const listProcesses = (): LivingProcess[] => {
  try {
    return readdirSync(PROC).flatMap((name) => {
      const pid = Number(name);
      return Number.isInteger(pid) ? (readProcess(pid) ?? []) : [];
    });
  } catch {
    return [];
  }
};

/** The process, or null if it has ended, is a zombie, or there is no /proc. */
export const readProcess = (pid: number): LivingProcess | null => {
  const stat = readProcFile(pid, 'stat');
  return stat === null ? null : parseStat(pid, stat);
};

/** Parses /proc/<pid>/stat (proc_pid_stat(5)). Null for a process that has ended. Pure. */
export const parseStat = (pid: number, stat: string): LivingProcess | null => {
  // The name (field 2) is in parentheses and can contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  // If the main thread ends first, its state is Z while other threads (field 20) still run.
  const ended = state === 'X' || (state === 'Z' && Number(fields[17]) <= 1);
  return ended
    ? null
    : { pid, parent: Number(parent), group: Number(group), session: Number(session), started: fields[19] ?? '' };
};

/** Whether the process handles the signal (SigCgt of proc_pid_status(5)). True if that can't be read. */
export const catchesSignal = (pid: number, signal: number): boolean => {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readProcFile(pid, 'status') ?? '')?.[1];
  return mask === undefined || ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
};

/**
 * Whether the process runs. A zombie does not, though it still accepts signals (kill(2)): in a container without an
 * init process nobody reaps it.
 */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const stat = readProcFile(pid, 'stat');
  return stat === null || parseStat(pid, stat) !== null;
};

/** Arguments of the process. Empty if it has ended or there is no /proc. */
export const commandLineOf = (pid: number): readonly string[] =>
  (readProcFile(pid, 'cmdline') ?? '').split('\0').filter((word) => word !== '');

/**
 * The environment that the process started with, as the kernel shows it (proc_pid_environ(5)); '' if it can't be read.
 */
export const readEnviron = (pid: number): string => readProcFile(pid, 'environ') ?? '';

/** Parses such an environment: entries end with NUL, and an entry without "=" is not a variable. */
export const parseEnviron = (text: string): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = {};
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=');
    if (at > 0) variables[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return variables;
};

/** Sends a signal to a process or, if `pid` is negative, to a process group. False if it could not be sent. */
export const trySignal = (pid: number, signal: NodeJS.Signals | number): boolean => {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
};

const readProcFile = (pid: number, name: string): string | null => {
  try {
    return readFileSync(`${PROC}/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
};
