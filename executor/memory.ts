/** The container's cgroup: how often the kernel has killed for memory (the engines' flags are wrong), and its bound. */
import { readFileSync } from 'node:fs';

/** cgroup v2, and v1 from Linux 4.13 on, where a container sees its own cgroup. */
const COUNTERS = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'] as const;

/** The counter `oom_kill` of memory.events or memory.oom_control; null where the text has none. */
export const parseOomKills = (text: string): number | null => {
  const found = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
};

/** Kills so far; 0 where the kernel does not tell. Cheap: a file of some lines in memory. */
export const readOomKills = (): number => {
  for (const path of COUNTERS) {
    try {
      const kills = parseOomKills(readFileSync(path, 'utf8'));
      if (kills !== null) return kills;
    } catch {
      // Another version of cgroups.
    }
  }
  return 0;
};

const LIMIT_FILES = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes'] as const;

/** Bytes that the container may have; null where it has no bound of its own. */
export const readMemoryLimit = (): number | null => {
  for (const path of LIMIT_FILES) {
    try {
      const limit = Number(readFileSync(path, 'utf8'));
      if (Number.isSafeInteger(limit)) return limit;
    } catch {
      // Another version of cgroups.
    }
  }
  return null;
};
