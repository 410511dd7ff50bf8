/** The processes that live here, as /proc shows them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Where it is. In a container there is no path to it: the executor's root directory has none, and the container's, which
 * was left, is the working directory (src/launchers/container/container.ts).
 */
export const PROC = existsSync('/proc/self') || process.platform !== 'linux' ? '/proc' : '.';

export interface LivingProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** With the pid: which process it is, though a later one may get the same pid. */
  readonly started: string;
}

/** All of this PID namespace but those that have ended and only wait to be reaped. Empty where there is no /proc. */
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

const readProcess = (pid: number): LivingProcess | null => {
  try {
    return parseStat(pid, readFileSync(`${PROC}/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
};

/** The text of /proc/<pid>/stat (proc_pid_stat(5)); null where the process has ended. Pure. */
export const parseStat = (pid: number, stat: string): LivingProcess | null => {
  // The name (field 2) is in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  // A main thread that has ended before the others is a Z too, with threads (field 20).
  const ended = state === 'X' || (state === 'Z' && Number(fields[17]) <= 1);
  return ended
    ? null
    : { pid, parent: Number(parent), group: Number(group), session: Number(session), started: fields[19] ?? '' };
};

/** Whether the process has a handler for the signal; true where that cannot be seen (proc_pid_status(5), SigCgt). */
export const catchesSignal = (pid: number, signal: number): boolean => {
  try {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`${PROC}/${pid}/status`, 'latin1'))?.[1];
    return mask === undefined || ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return true;
  }
};
