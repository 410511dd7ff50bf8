/**
 * The kernel's word on out-of-memory kills. The engine's OOMKilled flag was wrong 8 times of 8 with
 * Podman 4.3 and runc on cgroup v1, and the container's counters are gone with its cgroup, which the
 * engine removes at once. The kernel's log stays. Of each kill it names the process; the cgroup, which holds the
 * container's id, it names ten times in five seconds at most, on the whole machine.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { COMMAND_OOM_SCORE } from '../../wire/executorOrders.ts';

/** The kernel's ring holds fewer records; a bound all the same. */
const MAX_RECORDS = 100_000;
const RECORD_BYTES = 8192;

/** Processes with which a container ends. */
export interface Leaders {
  /** As this machine counts them; two where all are known. */
  readonly pids: readonly number[];
  /** No record before this is about them: microseconds of the monotonic clock, which the kernel's stamps follow. */
  readonly since: number;
}

/** The container's first process, and the executor. */
const ALL = 2;
/** The kernel's stamps and the monotonic clock drift apart, by seconds in a day. */
const DRIFT_US = 60_000_000;
const CHILD_TRIES = 10;
const CHILD_MS = 20;
/** Of the first namespace (the kernel's proc_ns.h), by which the kernel's log counts. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

export const allKnown = (leaders: Leaders | undefined): leaders is Leaders => leaders?.pids.length === ALL;

/**
 * The container's first process and its first child, the executor: what tini starts becomes Node.js under one pid.
 * Nobody where they cannot be seen or have other pids in the kernel's log (the engine is on another machine, or this
 * process in a container). Waits a moment for the child.
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
    // It is gone, or the kernel does not list children.
  }
  return { pids, since };
};

/**
 * Whether the kernel's log tells that one of the container's leaders was killed for memory; a command's process
 * that was killed, and outlived, is no answer to why a container ended. Where the leaders are not known, any kill in
 * the container counts but those of the command, which its oom_score_adj shows. Null where the log does not tell.
 */
export const kernelToldOutOfMemory = (containerId: string, path = '/dev/kmsg', leaders?: Leaders): boolean | null => {
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
      // One record, or in a file's place of the device some of them.
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

/** A record begins with level, number and stamp in microseconds (Documentation/ABI/testing/dev-kmsg). */
const KILLED = /^\d+,\d+,(\d+),[^;]*;.*\bout of memory: Killed process (\d+) \((?:.* oom_score_adj:(-?\d+))?/i;
/** The record before it, which may be missing. */
const VICTIM = /,pid=(\d+)/;

const nextRecord = (file: number, record: Buffer): number => {
  try {
    return readSync(file, record);
  } catch (error) {
    // EPIPE: the record was overwritten before it was read; the next read goes on after it.
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? nextRecord(file, record) : 0;
  }
};
