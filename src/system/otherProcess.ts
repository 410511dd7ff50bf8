/** What is known of a process that is not a child of this one. */
import { readFileSync } from 'node:fs';

/**
 * Whether it lives. A zombie does not: signals reach it (kill(2)), but it runs no more, and where nobody
 * reaps (a container without an init) it stays one.
 */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const stat = procFile(pid, 'stat');
  // proc_pid_stat(5): the state follows the name, which stands in brackets and may hold any character.
  return stat === null || !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
};

/** Its arguments, empty where it is gone or this system has no /proc. */
export const commandLineOf = (pid: number): readonly string[] =>
  (procFile(pid, 'cmdline') ?? '').split('\0').filter((word) => word !== '');

const procFile = (pid: number, name: string): string | null => {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return null;
  }
};
