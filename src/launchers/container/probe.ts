/** What a container made like a run's tells of itself: whether the executor is whole, and which bounds hold. */
import { ENTER, EXECUTOR_PROGRAM, INHERITED, TINI } from '../../wire/executorRoot.ts';
import { COMPLETE } from './carry.ts';

/** What the probe's container is given. */
export const PROBE_RESOURCES = { cpus: 1, memoryMb: 128 } as const;

/** Which bounds the engine enforces: a rootless one on cgroup v1 ignores them, and says so in a warning at most. */
export interface Enforced {
  readonly memory: boolean;
  readonly cpus: boolean;
  readonly pids: boolean;
}

interface Answer {
  readonly whole: boolean;
  /** As the kernel has them; '' where it has none. */
  readonly memory: string;
  readonly cpus: string;
  readonly pids: string;
}

const NEEDED = [`/${COMPLETE}`, EXECUTOR_PROGRAM, TINI, ENTER];
const LIMITS = {
  memory: [INHERITED.memoryLimit.fd, INHERITED.memoryLimitV1.fd],
  cpus: [INHERITED.cpuLimit.fd, INHERITED.cpuLimitV1.fd],
  pids: [INHERITED.pidsLimit.fd, INHERITED.pidsLimitV1.fd],
};

/** JavaScript for the carried Node.js; prints an Answer. */
export const PROBE_SCRIPT = `const { existsSync, readSync } = require('node:fs');
const read = (fd) => {
  const buffer = Buffer.alloc(256);
  try { return buffer.toString('utf8', 0, readSync(fd, buffer, 0, 256, 0)).trim(); } catch { return ''; }
};
const limits = Object.entries(${JSON.stringify(LIMITS)}).map(([name, fds]) => [name, fds.map(read).find(Boolean) ?? '']);
const whole = ${JSON.stringify(NEEDED)}.every((path) => existsSync(path));
console.log(JSON.stringify({ whole, ...Object.fromEntries(limits) }));`;

/** What the probe found, or null where it printed something else or the executor is not whole. */
export const readProbe = (output: string, pidsLimit: number): Enforced | null => {
  const answer = parse(output);
  if (answer?.whole !== true) return null;
  return {
    memory: Number(answer.memory) === PROBE_RESOURCES.memoryMb * 1024 * 1024,
    // cgroup v2 has quota and period, v1 the quota alone; without a bound these are "max" and -1.
    cpus: Number.parseInt(answer.cpus, 10) > 0,
    pids: Number(answer.pids) === pidsLimit,
  };
};

const parse = (output: string): Answer | null => {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === 'object' && value !== null ? (value as Answer) : null;
  } catch {
    return null;
  }
};

const WORDS = { memory: 'memory', cpus: 'CPU', pids: 'the number of processes' } as const;

/** One line for the start of the service, or null where every bound holds. */
export const unenforcedLine = (enforced: Enforced, engine: string): string | null => {
  const missing = (['memory', 'cpus', 'pids'] as const).filter((name) => !enforced[name]).map((name) => WORDS[name]);
  if (missing.length === 0) return null;
  return `WARNING: ${engine} does not bound ${missing.join(', ')} of runs here (a rootless engine needs cgroup v2 with delegated controllers)`;
};
