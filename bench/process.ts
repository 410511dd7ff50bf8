/** What a process costs, from /proc (proc(5)). */
import { readFileSync } from 'node:fs';

/** Clock ticks are 1/100 s on every Linux of today (sysconf(_SC_CLK_TCK)). */
const TICK_MICROS = 10_000;

/** User and system time so far, all threads, microseconds, in steps of 10 ms. */
export const cpuMicros = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
};

const statusKb = (pid: number, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(found?.[1] ?? 0);
};

/** Resident memory at its peak and now, MB (10^6 bytes). */
export const peakMb = (pid: number): number => (statusKb(pid, 'VmHWM') * 1024) / 1e6;
export const residentMb = (pid: number): number => (statusKb(pid, 'VmRSS') * 1024) / 1e6;
