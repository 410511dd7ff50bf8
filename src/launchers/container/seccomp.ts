/**
 * System calls that a run can make: those of Docker's default profile without namespaces, mounts, keyrings, BPF,
 * performance counters, io_uring and NUMA policies. Podman's default allows user namespaces: in one a command has every
 * capability and can mount file systems in memory that none of the run's limits covers.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { EngineFacts } from './engine/engine.ts';

const PROFILE = new URL('seccomp.json', import.meta.url);

/** The text after "seccomp=" in SecurityOpt: Docker takes the profile itself, Podman the path of a file. */
export const seccompOption = async (engine: EngineFacts['name']): Promise<string> =>
  engine === 'Podman' ? fileURLToPath(PROFILE) : JSON.stringify(JSON.parse(await readFile(PROFILE, 'utf8')));
