/** A private Podman for one test run: its own storage, settings and socket; it uses nothing of the machine's Podman. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { engineAnswers } from '../../../src/launchers/container/engine/socket.ts';
import { missingPrograms, unmountBelow } from './engineNeeds.ts';
import type { TestEngine } from './testEngine.ts';

const run = promisify(execFile);

export interface TestPodman extends TestEngine {
  /** Restarts the service of the engine; containers live on. `runtime`: path of the runtime of later containers. */
  restart(runtime?: string): Promise<void>;
}

// crun does not work on every kernel that tests run on. A machine that refuses to raise limits needs lower ones.
const containersConf = (runtime: string): string => `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "${runtime}"
cgroup_manager = "cgroupfs"
events_logger = "none"
`;
/** Without a registry, a missing image fails at once. */
const REGISTRIES_CONF = 'unqualified-search-registries = []\n';
const READY_MS = 20_000;

/** Null, or the reason why no private Podman can run here. */
export const podmanMissing = (): Promise<string | null> => missingPrograms(['podman', 'runc', 'conmon']);

/** Starts it and waits until it answers. @throws Error with its output */
export const startPodman = async (): Promise<TestPodman> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-podman-'));
  const socketPath = join(directory, 'podman.sock');
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
  const writeConf = (runtime: string): Promise<void> =>
    writeFile(join(directory, 'containers.conf'), containersConf(runtime));
  await writeConf('runc');
  await writeFile(join(directory, 'registries.conf'), REGISTRIES_CONF);
  await mkdir(join(directory, 'home'));
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: join(directory, 'home'),
    CONTAINERS_CONF: join(directory, 'containers.conf'),
    CONTAINERS_REGISTRIES_CONF: join(directory, 'registries.conf'),
  };

  const serve = async (): Promise<() => Promise<void>> => {
    const child = spawn('podman', [...storage, 'system', 'service', '--time', '0', `unix://${socketPath}`], {
      // Where conmon leaves a file named oom for a container that ran out of memory.
      cwd: directory,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk: Buffer) => {
      printed = (printed + chunk.toString()).slice(-4096);
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const deadline = Date.now() + READY_MS;
    while (!(await engineAnswers(socketPath))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`podman did not start: ${printed}`);
      await delay(50);
    }
    return async () => {
      child.kill('SIGKILL');
      // The conmon of a living container keeps standard error open, so wait only for the exit.
      if (child.exitCode === null && child.signalCode === null) {
        await Promise.race([ended, new Promise((resolve) => child.once('exit', resolve))]);
      }
      child.stderr.destroy();
    };
  };

  let end: (() => Promise<void>) | null = null;
  const stop = async (): Promise<void> => {
    if (end === null) return;
    await end();
    end = null;
    await run('podman', [...storage, 'rm', '--all', '--force', '--time', '0'], { env }).catch(() => undefined);
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  const restart = async (runtime?: string): Promise<void> => {
    await end?.();
    if (runtime !== undefined) await writeConf(runtime);
    await rm(socketPath, { force: true });
    end = await serve();
  };
  end = await serve();
  return { socketPath, restart, stop };
};

/** Pids of all processes of this machine with the text in their command line, to check that none is left behind. */
export const processesNaming = async (text: string): Promise<readonly number[]> => {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const line = await readFile(`/proc/${entry}/cmdline`, 'latin1').catch(() => '');
    if (line.includes(text)) found.push(Number(entry));
  }
  return found;
};
