/** CPU time and memory of processes, from /proc (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks are 1/100 s on every Linux of today (sysconf(_SC_CLK_TCK)). */
const TICK_MICROS = 10_000;

/**
 * User and system time of all living threads so far, microseconds. The measured processes end no thread while they
 * work. @throws Error if there is no such process
 */
export const cpuMicros = (pid: number): number => threadMicros(pid) ?? tickMicros(pid);

/** In steps of 10 ms, which is coarse for work that takes 100 ms. */
const tickMicros = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
};

/** Null if the kernel has no such file (CONFIG_SCHED_INFO) or the process is gone. */
const threadMicros = (pid: number): number | null => {
  let nanos = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1'), 10);
    }
  } catch {
    return null;
  }
  return nanos / 1000;
};

const statusKb = (pid: number, name: string): number => {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(found?.[1] ?? 0);
};

/** CPU time of the whole machine since its start: in all, and used; microseconds. */
export const machineMicros = (): { readonly all: number; readonly used: number } => {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  // user nice system idle iowait irq softirq steal; user includes guests.
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, tick) => sum + tick, 0);
  return { all: all * TICK_MICROS, used: (all - (ticks[3] ?? 0) - (ticks[4] ?? 0)) * TICK_MICROS };
};

/** CPU time of this process and of its children that have ended, microseconds. */
export const ownMicros = (): number => {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0) * TICK_MICROS;
};

/** Resident memory, peak and now, MB (10^6 bytes). */
export const peakMb = (pid: number): number => (statusKb(pid, 'VmHWM') * 1024) / 1e6;
export const residentMb = (pid: number): number => (statusKb(pid, 'VmRSS') * 1024) / 1e6;
