/**
 * Hosts on one machine: each has a PID namespace and mounts of its own, so the process launchers of two of them do not see
 * each other's processes. Sockets in the file system are shared, so all can use one Redis. Needs root.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { until } from './runs/runs.ts';
import {
  type DataDirectory,
  dataDirectory,
  type StartedService,
  spawnService,
  startCommand,
} from './startedService.ts';

export interface TestHost extends AsyncDisposable {
  /** Whether an attempt on this engine (RunRecord.engine) is on this host. */
  has(engine: string | null): boolean;
  /** Starts a service on it. */
  serve(env: Readonly<Record<string, string>>): StartedService;
  /** The host is gone: all of its processes are killed at once. */
  crash(): Promise<void>;
}

/** Null, or why no hosts can be made here. */
export const hostsMissing = (): string | null => (process.getuid?.() === 0 ? null : 'unshare needs root');

const childOf = (pid: number): number =>
  Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10) || 0;

export const startHost = async (): Promise<TestHost> => {
  const data: DataDirectory = await dataDirectory();
  const namespaces = ['--pid', '--mount'];
  // The first process of the namespace. It outlives the services, and the namespace ends with it.
  const keeper = spawn('unshare', [...namespaces, '--fork', '--mount-proc', '--kill-child', 'sleep', 'infinity'], {
    stdio: 'ignore',
  });
  const gone = new Promise<void>((resolve) => keeper.once('exit', () => resolve()));
  const first = await until(
    async () => childOf(keeper.pid ?? 0),
    (pid) => pid > 0,
  );
  const enter = ['nsenter', '--target', String(first), ...namespaces, `--wd=${process.cwd()}`, '--'] as const;
  const crash = async (): Promise<void> => {
    keeper.kill('SIGKILL');
    await gone;
  };
  const namespace = readlinkSync(`/proc/${first}/ns/pid`).replace(/\D/g, '');
  return {
    has: (engine) => engine?.includes(`:${namespace}:`) === true,
    serve: (env) =>
      spawnService({
        command: [...enter, ...startCommand()],
        env: { DATA_DIR: data.path, LAUNCHER: 'process', ...env },
      }),
    crash,
    async [Symbol.asyncDispose]() {
      await crash();
      await data[Symbol.asyncDispose]();
    },
  };
};

/** Signals the service itself: its parent is nsenter. */
export const signalService = async (service: StartedService, signal: NodeJS.Signals): Promise<void> => {
  process.kill(childOf(service.child.pid ?? 0), signal);
  await service.ended;
};
