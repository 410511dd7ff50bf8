/**
 * Runs attempts as local processes, for development: no image, no other user, no limit of memory or disk. The executor is
 * the same as in a container. It runs in its own session, so it outlives the service.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RunId } from '../../domain/ids.ts';
import {
  findByEnvironment,
  identify,
  isRunning,
  type ProcessIdentity,
  visibleProcesses,
} from '../../system/processIdentity.ts';
import {
  attemptVariables,
  EXECUTOR_ONLY_VARIABLES,
  modeArguments,
  PROCESS_WORKSPACE,
} from '../../wire/executorOrders.ts';
import {
  type Execution,
  type ExitReport,
  LaunchError,
  type Launcher,
  type LauncherTraits,
  type LaunchProgress,
  type LaunchSpec,
} from '../launcher.ts';
import { ProcessExecution } from './execution.ts';
import { AttemptStates } from './state.ts';

export interface ProcessLauncherOptions {
  /** Absolute path; one per installation, kept between starts of the service. */
  readonly stateDirectory: string;
  /** Absolute path for Node.js' compile cache: with it a start takes a third of the time. Default: no cache. */
  readonly cacheDirectory?: string;
  /** PATH, and LANG and TZ where they are set; a command gets nothing else of the service's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The executor's program; default: executor/main.ts. */
  readonly executor?: string;
}

const EXECUTOR = fileURLToPath(new URL('../../../executor/main.ts', import.meta.url));
const IMAGE = 'process';

export const PROCESS_TRAITS: LauncherTraits = {
  kind: 'process',
  redisReach: { by: 'host' },
  carriesExecutor: 'host files',
};

export class ProcessLauncher implements Launcher {
  readonly kind = PROCESS_TRAITS.kind;
  readonly redisReach = PROCESS_TRAITS.redisReach;
  readonly carriesExecutor = PROCESS_TRAITS.carriesExecutor;
  readonly enforces = { memory: false, cpus: false };
  readonly defaultImage = IMAGE;
  readonly engine = `process:${visibleProcesses()}`;
  readonly description = 'local processes: no image, no other user, no limit of memory or disk (development only)';
  readonly #options: ProcessLauncherOptions;
  readonly #states: AttemptStates;
  /** How this process' own children ended, until they are removed. */
  readonly #exits = new Map<string, Promise<ExitReport>>();

  constructor(options: ProcessLauncherOptions) {
    this.#options = options;
    this.#states = new AttemptStates(options.stateDirectory);
  }

  async prepare(_say: (line: string) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await mkdir(this.#options.stateDirectory, { recursive: true, mode: 0o700 });
  }

  startsImage(image: string | null): boolean {
    return image === null || image === IMAGE;
  }

  async unready(): Promise<string | null> {
    return null;
  }

  /** A foreign image is refused at the launch. */
  async needsPull(): Promise<boolean> {
    return false;
  }

  async launch(spec: LaunchSpec, progress: (step: LaunchProgress) => void, signal: AbortSignal): Promise<Execution> {
    signal.throwIfAborted();
    const { runId, attempt } = spec;
    if (!this.startsImage(spec.image)) {
      const sentence =
        'This service runs commands as local processes, without images. Leave image out, or use a service with a container engine.';
      throw new LaunchError('IMAGE_UNAVAILABLE', sentence);
    }
    const starter = identify(process.pid);
    if (starter === null) throw new LaunchError('LAUNCH_FAILED', 'The service cannot read its own entry in /proc.');
    while (!(await this.#states.take(runId, attempt, { starter, executor: null }))) {
      signal.throwIfAborted();
      const found = await this.#adopt(runId, attempt, signal);
      if (found !== null) {
        progress({ kind: 'FOUND', detail: null });
        return found;
      }
    }
    try {
      return await this.#start(spec, starter, progress, signal);
    } catch (error) {
      await this.#execution(runId, attempt, null).remove();
      throw error;
    }
  }

  async find(runId: RunId, attempt: number): Promise<Execution | null> {
    const state = await this.#states.read(runId, attempt);
    if (state !== null && state.executor !== null) return this.#execution(runId, attempt, state.executor);
    // Started by a service with another DATA_DIR, or by one that died before it wrote down what it had started.
    const executor = await this.#findRunning(runId, attempt);
    return state === null && executor === null ? null : this.#execution(runId, attempt, executor);
  }

  list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]> {
    return this.#states.list();
  }

  async close(): Promise<void> {
    this.#exits.clear();
  }

  #execution(runId: RunId, attempt: number, executor: ProcessIdentity | null): Execution {
    const exit = this.#exits.get(key(runId, attempt)) ?? null;
    const removeState = async (): Promise<void> => {
      await this.#states.remove(runId, attempt);
      this.#exits.delete(key(runId, attempt));
    };
    return new ProcessExecution({ runId, attempt, executor, exit, removeState });
  }

  async #start(
    spec: LaunchSpec,
    starter: ProcessIdentity,
    progress: (step: LaunchProgress) => void,
    signal: AbortSignal,
  ): Promise<Execution> {
    const { runId, attempt } = spec;
    const workspace = this.#states.workspace(runId, attempt);
    await rm(workspace, { recursive: true, force: true });
    await mkdir(join(workspace, PROCESS_WORKSPACE), { recursive: true, mode: 0o700 });
    signal.throwIfAborted();
    progress({ kind: 'CREATED', detail: null });
    const { executor, exit } = await this.#spawn(spec, workspace);
    this.#exits.set(key(runId, attempt), exit);
    await this.#states.replace(runId, attempt, { starter, executor });
    const execution = this.#execution(runId, attempt, executor);
    if (signal.aborted) {
      await execution.stop(0);
      throw signal.reason;
    }
    return execution;
  }

  async #spawn(
    spec: LaunchSpec,
    workspace: string,
  ): Promise<{ readonly executor: ProcessIdentity; readonly exit: Promise<ExitReport> }> {
    // The executor prints only when it cannot work.
    const output = openSync(join(workspace, 'executor.log'), 'a', 0o600);
    const program = this.#options.executor ?? EXECUTOR;
    const { cacheDirectory } = this.#options;
    // https://nodejs.org/api/module.html#module-compile-cache; the executor removes it from its command's environment.
    const cache = cacheDirectory === undefined ? {} : { NODE_COMPILE_CACHE: cacheDirectory };
    const child = spawn(
      process.execPath,
      ['--no-warnings', program, ...modeArguments({ kind: 'process', directory: workspace })],
      {
        cwd: workspace,
        env: { ...this.#options.environment, ...cache, ...spec.environment },
        detached: true,
        stdio: ['ignore', output, output],
      },
    );
    closeSync(output);
    const { promise: exit, resolve } = Promise.withResolvers<ExitReport>();
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, outOfMemory: false }));
    await new Promise<void>((started, failed) => {
      child.once('spawn', started);
      child.once('error', (error) =>
        failed(new LaunchError('LAUNCH_FAILED', 'The executor process could not be started.', error)),
      );
    });
    child.unref();
    const pid = child.pid ?? 0;
    return { executor: identify(pid) ?? { pid, started: 'ended at once' }, exit };
  }

  /** What another launch started; null where that one died before it started anything: the attempt is free then. */
  async #adopt(runId: RunId, attempt: number, signal: AbortSignal): Promise<Execution | null> {
    for (;;) {
      const state = await this.#states.read(runId, attempt);
      if (state === null) return null;
      if (state.executor !== null) return this.#execution(runId, attempt, state.executor);
      if (!isRunning(state.starter)) return this.#rescue(runId, attempt, state.starter);
      await delay(20, undefined, { signal });
    }
  }

  /** For a starter that died between taking the attempt and writing down what it started. */
  async #rescue(runId: RunId, attempt: number, starter: ProcessIdentity): Promise<Execution | null> {
    const executor = await this.#findRunning(runId, attempt);
    if (executor === null) {
      await this.#states.remove(runId, attempt);
      return null;
    }
    await this.#states.replace(runId, attempt, { starter, executor });
    return this.#execution(runId, attempt, executor);
  }

  /** Finds the attempt's executor by its environment: a command has RUN_ID too, but no RUN_KEY. */
  async #findRunning(runId: RunId, attempt: number): Promise<ProcessIdentity | null> {
    const pids = await findByEnvironment(attemptVariables(runId, attempt), EXECUTOR_ONLY_VARIABLES);
    for (const pid of pids) {
      const executor = identify(pid);
      if (executor !== null) return executor;
    }
    return null;
  }
}

const key = (runId: RunId, attempt: number): string => `${runId}-${attempt}`;
