/** A private Docker for one test run: its own data, socket and bridge; the firewall of the machine is not changed. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connectEngine } from '../../../src/launchers/container/engine/engine.ts';
import { engineAnswers } from '../../../src/launchers/container/engine/socket.ts';
import { missingPrograms, unmountBelow } from './engineNeeds.ts';
import type { TestEngine } from './testEngine.ts';

const run = promisify(execFile);
const READY_MS = 30_000;
const STOP_MS = 20_000;

/** Null, or the reason why no private Docker can run here. */
export const dockerMissing = (): Promise<string | null> => missingPrograms(['dockerd', 'containerd', 'runc', 'ip']);

/** Starts it and waits until it answers. @throws Error with its output */
export const startDocker = async (): Promise<TestEngine> => {
  const directory = await mkdtemp(join(tmpdir(), 'rl-docker-'));
  const socketPath = join(directory, 'docker.sock');
  const bridge = await makeBridge();
  const at = (name: string): string => join(directory, name);
  const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')];
  // Without iptables Docker would set FORWARD to DROP for the whole machine, and leave it so.
  const network = ['--bridge', bridge, '--iptables=false', '--ip6tables=false', '--userland-proxy=false'];
  const child = spawn('dockerd', ['--host', `unix://${socketPath}`, ...places, ...network], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-4096);
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const clean = async (): Promise<void> => {
    child.kill('SIGTERM');
    await Promise.race([ended, delay(STOP_MS, undefined, { ref: false })]);
    child.kill('SIGKILL');
    child.stderr.destroy();
    await run('ip', ['link', 'delete', bridge]).catch(() => undefined);
    await unmountBelow(directory);
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  };
  const deadline = Date.now() + READY_MS;
  while (!(await engineAnswers(socketPath))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await clean();
      throw new Error(`dockerd did not start: ${printed}`);
    }
    await delay(50);
  }
  return {
    socketPath,
    stop: async () => {
      await removeContainers(socketPath).catch(() => undefined);
      await clean();
    },
  };
};

/** Its own bridge, because the machine's Docker uses docker0. */
const makeBridge = async (): Promise<string> => {
  const number = Math.floor(Math.random() * 0xffff);
  const name = `rl-${number.toString(16)}`;
  await run('ip', ['link', 'add', 'name', name, 'type', 'bridge']);
  await run('ip', ['address', 'add', `10.213.${number % 256}.1/24`, 'dev', name]);
  await run('ip', ['link', 'set', name, 'up']);
  return name;
};

const removeContainers = async (socketPath: string): Promise<void> => {
  const docker = await connectEngine(socketPath);
  for (const { Id } of await docker.listContainers({ all: true })) {
    await docker.getContainer(Id).remove({ force: true, v: true });
  }
};
