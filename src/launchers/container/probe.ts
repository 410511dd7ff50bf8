/** The probe: a container made like a run's. It shows whether the executor's files are complete and which limits hold. */
import type Docker from 'dockerode';
import { abortable } from '../../async/abortable.ts';
import { ENTER, EXECUTOR_PROGRAM, INHERITED, TINI } from '../../wire/executorRoot.ts';
import { COMPLETE, runOnce } from './carry.ts';
import {
  type ContainerSettings,
  createOptions,
  LABEL_INSTALLATION,
  LABEL_PROBE,
  newExecutorRoot,
} from './container.ts';
import type { EngineFacts } from './engine/engine.ts';

/** What the probe's container is given. */
const PROBE_RESOURCES = { cpus: 1, memoryMb: 128 } as const;

/** Which limits the engine enforces. A rootless one on cgroup v1 ignores them, and answers with a warning at most. */
export interface Enforced {
  readonly memory: boolean;
  readonly cpus: boolean;
  readonly pids: boolean;
}

interface Answer {
  readonly complete: boolean;
  /** The kernel's text of each limit; '' where it has none. */
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
const PROBE_SCRIPT = `const { existsSync, readSync } = require('node:fs');
const read = (fd) => {
  const buffer = Buffer.alloc(256);
  try { return buffer.toString('utf8', 0, readSync(fd, buffer, 0, 256, 0)).trim(); } catch { return ''; }
};
const limits = Object.entries(${JSON.stringify(LIMITS)}).map(([name, fds]) => [name, fds.map(read).find(Boolean) ?? '']);
const complete = ${JSON.stringify(NEEDED)}.every((path) => existsSync(path));
console.log(JSON.stringify({ complete, ...Object.fromEntries(limits) }));`;

export interface ProbeRequest {
  readonly settings: ContainerSettings;
  readonly image: string;
  /** Name of the volume with the executor's files. */
  readonly volume: string;
  readonly engine: EngineFacts;
  /** As ContainerRequest.seccomp. */
  readonly seccomp: string | null;
}

/** Runs the probe once. @throws Error with a sentence for the operator where the executor cannot run; the signal's reason */
export const probe = async (docker: Docker, request: ProbeRequest, signal: AbortSignal): Promise<Enforced> => {
  const { settings, image, volume, engine, seccomp } = request;
  const options = createOptions(settings, {
    name: `runloom-probe-${crypto.randomUUID()}`,
    image,
    imageVolumes: { paths: [], prefix: '', emptyParents: false },
    imageHasHealthcheck: false,
    carriedVolume: volume,
    executorRoot: newExecutorRoot(),
    arguments: ['-e', PROBE_SCRIPT],
    environment: {},
    resources: PROBE_RESOURCES,
    stopGraceMs: 0,
    labels: { [LABEL_PROBE]: 'probe' },
    seccomp,
    engine: engine.name,
  });
  signal.throwIfAborted();
  const { exitCode, output } = await abortable(runOnce(docker, options), signal);
  const enforced = readProbe(output, settings.pidsLimit);
  if (enforced !== null) return enforced;
  const printed = output === '' ? `the probe ended with exit code ${exitCode} and printed nothing` : output;
  throw new Error(`${engine.name} could not run a test container like those of runs: ${printed}`);
};

/** Removes probes of this installation that a service left which died in `prepare`. Safe to repeat. */
export const removeProbes = async (docker: Docker, installationId: string): Promise<void> => {
  const label = [`${LABEL_INSTALLATION}=${installationId}`, LABEL_PROBE];
  for (const { Id } of await docker.listContainers({ all: true, filters: { label } })) {
    await docker
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  }
};

/** What the probe's output says; null where it is something else or the executor's files are not complete. */
export const readProbe = (output: string, pidsLimit: number): Enforced | null => {
  const answer = parse(output);
  if (answer?.complete !== true) return null;
  return {
    memory: Number(answer.memory) === PROBE_RESOURCES.memoryMb * 1024 * 1024,
    // cgroup v2 has quota and period, v1 only the quota; without a limit these are "max" and -1.
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

/** One line for the start of the service about limits that are not enforced; null where all are. */
export const unenforcedLine = (enforced: Enforced, engine: string): string | null => {
  const missing = (['memory', 'cpus', 'pids'] as const).filter((name) => !enforced[name]).map((name) => WORDS[name]);
  if (missing.length === 0) return null;
  const what = missing.join(', ');
  return `WARNING: ${engine} does not limit ${what} of runs here (a rootless engine needs cgroup v2 with delegated controllers)`;
};
