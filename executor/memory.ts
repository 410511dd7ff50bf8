/** How often the kernel has killed for memory in the container's cgroup (the engines' flags are wrong). */
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
