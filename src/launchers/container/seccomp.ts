/**
 * System calls that a run may make: those of Docker's default without namespaces, mounts, keyrings, BPF, performance
 * counters, io_uring and NUMA policies. Podman's own default lets a command make user namespaces, in which it has every
 * capability, and with them file systems in memory that no bound of ours reaches.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { EngineFacts } from './engine/engine.ts';

const PROFILE = new URL('seccomp.json', import.meta.url);

/** What comes after "seccomp=" in SecurityOpt: Docker takes the profile itself, Podman a path that it can read. */
export const seccompOption = async (engine: EngineFacts['name']): Promise<string> =>
  engine === 'Podman' ? fileURLToPath(PROFILE) : JSON.stringify(JSON.parse(await readFile(PROFILE, 'utf8')));
