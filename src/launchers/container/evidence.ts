/**
 * The kernel's word on out-of-memory kills. The engine's OOMKilled flag was wrong 8 times of 8 with
 * Podman 4.3 and runc on cgroup v1, and the container's counters are gone with its cgroup, which the
 * engine removes at once. The kernel's log stays. Of each kill it names the process; the cgroup, which holds the
 * container's id, it names ten times in five seconds at most, on the whole machine.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** The kernel's ring holds fewer records; a bound all the same. */
const MAX_RECORDS = 100_000;
const RECORD_BYTES = 8192;

/** Processes with which a container ends. */
export interface Leaders {
  /** As this machine counts them. */
  readonly pids: readonly number[];
  /** No record before this is about them: microseconds of the monotonic clock, which the kernel's stamps follow. */
  readonly since: number;
}

/** The kernel's stamps and the monotonic clock drift apart, by seconds in a day. */
const DRIFT_US = 60_000_000;
const CHILD_TRIES = 10;
const CHILD_MS = 20;

/**
 * The container's first process and its first child, the executor; nobody where they cannot be seen (the engine
 * is on another machine). Waits a moment for the child.
 */
export const leadersOf = async (containerId: string, pid: number): Promise<Leaders> => {
  const since = Number(process.hrtime.bigint() / 1000n) - DRIFT_US;
  try {
    const cgroup = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    for (let tries = 0; tries < CHILD_TRIES && cgroup.includes(containerId); tries += 1) {
      const child = Number.parseInt(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
      if (child > 0) return { pids: [pid, child], since };
      await delay(CHILD_MS);
    }
  } catch {
    // It is gone, or the kernel does not list children.
  }
  return { pids: [], since };
};

/**
 * True where the kernel's log tells of an out-of-memory kill in this container, or of one of its leaders; false
 * proves nothing.
 */
export const kernelToldOutOfMemory = (containerId: string, path = '/dev/kmsg', leaders?: Leaders): boolean => {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return false;
  }
  const record = Buffer.alloc(RECORD_BYTES);
  try {
    for (let read = 0; read < MAX_RECORDS; read += 1) {
      const length = nextRecord(file, record);
      if (length === 0) return false;
      const text = record.toString('latin1', 0, length);
      if (text.includes('oom') && text.includes(containerId)) return true;
      if (leaders !== undefined && isKillOf(leaders, text)) return true;
    }
    return false;
  } finally {
    closeSync(file);
  }
};

/** A record begins with level, number and stamp in microseconds (Documentation/ABI/testing/dev-kmsg). */
const KILLED = /^\d+,\d+,(\d+),[^;]*;.*\bout of memory: Killed process (\d+) \(/i;

const isKillOf = ({ pids, since }: Leaders, record: string): boolean => {
  const [, stamp, pid] = KILLED.exec(record) ?? [];
  return pid !== undefined && pids.includes(Number(pid)) && Number(stamp) >= since;
};

const nextRecord = (file: number, record: Buffer): number => {
  try {
    return readSync(file, record);
  } catch (error) {
    // EPIPE: the record was overwritten before it was read; the next read goes on after it.
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? nextRecord(file, record) : 0;
  }
};
