/** Memory limit and out-of-memory kills of the container's cgroup. (The engines' own flag is not reliable.) */
import { readKernelFile } from './openedFiles.ts';

/** cgroup v2 and v1. */
const COUNTERS = ['memoryEvents', 'memoryEventsV1'] as const;
const LIMIT_FILES = ['memoryLimit', 'memoryLimitV1'] as const;

/** The counter `oom_kill` in memory.events or memory.oom_control. Null if the text has none. */
export const parseOomKills = (text: string): number | null => {
  const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
};

/** Out-of-memory kills so far. 0 if the kernel does not count them. Cheap: it reads a few lines from memory. */
export const readOomKills = (): number => {
  for (const name of COUNTERS) {
    const kills = parseOomKills(readKernelFile(name));
    if (kills !== null) return kills;
  }
  return 0;
};

/** Memory limit of the container in bytes. Null if it has none. */
export const readMemoryLimit = (): number | null => {
  for (const name of LIMIT_FILES) {
    const text = readKernelFile(name);
    const limit = text === '' ? Number.NaN : Number(text);
    if (Number.isSafeInteger(limit)) return limit;
  }
  return null;
};
