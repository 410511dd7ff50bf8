/**
 * Finds out-of-memory kills in the kernel's log. The engine's OOMKilled flag was wrong 8 times of 8 with Podman 4.3 and
 * runc on cgroup v1. The container's counters go with its cgroup, which the engine removes at once. The kernel's log
 * stays. It names the process of each kill. It names the cgroup, which contains the container's id, at most ten times in
 * five seconds on the whole machine.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { COMMAND_OOM_SCORE } from '../../wire/executorOrders.ts';

/** Records that are read at most; the kernel's ring buffer holds fewer. */
const MAX_RECORDS = 100_000;
const RECORD_BYTES = 8192;

/** The processes whose end is the container's end: its first process and the executor. */
export interface Leaders {
  /** In this machine's PID namespace; two where both are known. */
  readonly pids: readonly number[];
  /** Records before this are not about them: microseconds of the monotonic clock, which the kernel's stamps follow. */
  readonly since: number;
}

/** Number of leaders. */
const ALL = 2;
/** Tolerance: the kernel's stamps and the monotonic clock drift apart by seconds a day. */
const DRIFT_US = 60_000_000;
const CHILD_TRIES = 10;
const CHILD_MS = 20;
/** The machine's first PID namespace (the kernel's proc_ns.h); pids in the kernel's log are of it. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

export const allKnown = (leaders: Leaders | undefined): leaders is Leaders => leaders?.pids.length === ALL;

/**
 * The container's first process and its first child, the executor (the program that tini starts becomes Node.js with
 * the same pid). No pids where they cannot be seen or differ from those in the kernel's log: the engine is on another
 * machine, or this process is in a container. Waits up to 0.2 s for the child.
 */
export const leadersOf = async (containerId: string, pid: number): Promise<Leaders> => {
  const since = Number(process.hrtime.bigint() / 1000n) - DRIFT_US;
  const pids: number[] = [];
  try {
    const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    if (!cgroup.includes(containerId) || (await readlink('/proc/self/ns/pid')) !== FIRST_NAMESPACE) {
      return { pids, since };
    }
    pids.push(pid);
    for (let tries = 0; tries < CHILD_TRIES; tries += 1) {
      const child = Number.parseInt(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
      if (child > 0) return { pids: [pid, child], since };
      await delay(CHILD_MS);
    }
  } catch {
    // The process is gone, or the kernel does not list children.
  }
  return { pids, since };
};

/**
 * Whether the kernel's log shows that one of the container's leaders was killed for memory. A kill of another process
 * does not explain the container's end. Where the leaders are not known, every kill in the container counts, except of
 * the command's processes (known by their oom_score_adj). Null where the log does not show it.
 */
export const kernelLogShowsOutOfMemory = (
  containerId: string,
  path = '/dev/kmsg',
  leaders?: Leaders,
): boolean | null => {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  const record = Buffer.alloc(RECORD_BYTES);
  const killedHere = new Set<string>();
  try {
    for (let read = 0; read < MAX_RECORDS; read += 1) {
      const length = nextRecord(file, record);
      if (length === 0) break;
      // The device gives one record; a file in its place (tests) gives several.
      for (const line of record.toString('latin1', 0, length).split('\n')) {
        const [, stamp, pid = '', score] = KILLED.exec(line) ?? [];
        if (leaders?.pids.includes(Number(pid)) && Number(stamp) >= leaders.since) return true;
        if (score === COMMAND_OOM_SCORE) killedHere.delete(pid);
        if (line.includes('oom-kill:') && line.includes(containerId)) killedHere.add(VICTIM.exec(line)?.[1] ?? '');
      }
    }
  } finally {
    closeSync(file);
  }
  if (allKnown(leaders)) return false;
  return killedHere.size > 0 ? true : null;
};

/** A record begins with level, sequence number and stamp in microseconds (Documentation/ABI/testing/dev-kmsg). */
const KILLED = /^\d+,\d+,(\d+),[^;]*;.*\bout of memory: Killed process (\d+) \((?:.* oom_score_adj:(-?\d+))?/i;
/** The record before it, which can be missing. */
const VICTIM = /,pid=(\d+)/;

const nextRecord = (file: number, record: Buffer): number => {
  try {
    return readSync(file, record);
  } catch (error) {
    // EPIPE: the record was overwritten before it was read; the next read continues after it.
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? nextRecord(file, record) : 0;
  }
};
