/** The container's cgroup: how often the kernel has killed for memory (the engines' flags are wrong), and its bound. */
import { readKernelFile } from './openedFiles.ts';

/** cgroup v2, and v1, where a container sees its own cgroup. */
const COUNTERS = ['memoryEvents', 'memoryEventsV1'] as const;

/** The counter `oom_kill` of memory.events or memory.oom_control; null where the text has none. */
export const parseOomKills = (text: string): number | null => {
  const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
};

/** Kills so far; 0 where the kernel does not tell. Cheap: a file of some lines in memory. */
export const readOomKills = (): number => {
  for (const name of COUNTERS) {
    const kills = parseOomKills(readKernelFile(name));
    if (kills !== null) return kills;
  }
  return 0;
};

/** Bytes that the container may have; null where it has no bound of its own. */
export const readMemoryLimit = (): number | null => {
  for (const name of ['memoryLimit', 'memoryLimitV1'] as const) {
    const text = readKernelFile(name);
    const limit = text === '' ? Number.NaN : Number(text);
    if (Number.isSafeInteger(limit)) return limit;
  }
  return null;
};
