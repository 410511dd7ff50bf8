/**
 * Starts one process and tells truly how it ended. What Node.js starts asynchronously and a real-time signal (32 to 64)
 * ends is reported as an exit with 0: it has no names for these signals. spawnSync does tell the two apart, and
 * blocks, so a thread does that (docs/decisions/0008-a-thread-waits-for-the-command.md).
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { listProcesses, PROC } from '../../src/system/processes.ts';
import { FIFO_DIRECTORY } from '../../src/wire/executorRoot.ts';

export interface SpawnOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: readonly ('ignore' | number)[];
  /** In a session and group of its own. */
  readonly detached: true;
}

/** How a process ended. Code and signal are both null where a signal did it that Node.js has no name for. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** It was not started; `code` is that of the system's error, or of Node.js'. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** `at`: when, by performance.now(), though it may be heard of later. */
export type Exited = Exit & { readonly at: number };

export interface Spawned {
  readonly pid: number;
  /** Rejects with SpawnError where the process turns out to have no program. */
  readonly exited: Promise<Exited>;
}

interface Told extends Exit {
  readonly pid: number;
  readonly error: string | null;
  /** By process.hrtime.bigint(), which all threads share. */
  readonly at: bigint;
}

const THREAD = `
const { spawnSync } = require('node:child_process');
const { parentPort } = require('node:worker_threads');
const run = ([file, args, options]) => {
  try {
    const { pid, status, signal, error } = spawnSync(file, args, options);
    return { pid, code: status, signal: signal || null, error: error ? (error.code ?? 'unknown') : null };
  } catch (error) {
    return { pid: 0, code: null, signal: null, error: error.code ?? 'unknown' };
  }
};
parentPort.once('message', (request) => {
  const told = run(request);
  parentPort.postMessage({ ...told, at: process.hrtime.bigint() });
});`;

/** Megabytes. It holds the command's arguments and environment, which LIMITS bound, and Node.js itself. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 };
const LOOK_EVERY_MS = 1;

export class Spawner {
  readonly #thread: Worker | null;

  /** Its thread starts at once, and takes some 40 ms of CPU time. Linux alone has real-time signals and /proc. */
  constructor() {
    if (process.platform !== 'linux') {
      this.#thread = null;
      return;
    }
    this.#thread = new Worker(THREAD, { eval: true, env: {}, execArgv: preload(), resourceLimits: THREAD_LIMITS });
    this.#thread.unref();
    // Whoever asks hears of it by 'exit'.
    this.#thread.on('error', () => undefined);
  }

  /** Call it once. Resolves as soon as the process is there. @throws SpawnError */
  async start(file: string, args: readonly string[], options: SpawnOptions): Promise<Spawned> {
    if (this.#thread === null) return await startElsewhere(file, args, options);
    const before = new Set(ownChildren());
    let told: Told | null = null;
    const ended = this.#ask(this.#thread, [file, args, options]).then((answer) => {
      told = answer;
      return answer;
    });
    const exited = ended.then(exitOf);
    exited.catch(() => undefined);
    for (;;) {
      const pid = ownChildren().find((child) => !before.has(child));
      if (pid !== undefined) return { pid, exited };
      if (told !== null) return { pid: (await ended).pid, exited: Promise.resolve(await exited) };
      await delay(LOOK_EVERY_MS);
    }
  }

  #ask(thread: Worker, request: readonly unknown[]): Promise<Told> {
    const { promise, resolve } = Promise.withResolvers<Told>();
    thread.once('message', resolve);
    thread.once('exit', () => resolve({ pid: 0, code: null, signal: null, error: 'EAGAIN', at: 0n }));
    thread.postMessage(request);
    return promise;
  }
}

/** Node.js asks for the working directory before it runs a thread's code, and there is no path to ours (processes.ts). */
const preload = (): string[] => {
  if (PROC === '/proc') return [];
  const path = `${FIFO_DIRECTORY}/cwd.cjs`;
  writeFileSync(path, "process.cwd = () => '/';");
  return ['--require', path];
};

const exitOf = ({ code, signal, error, at }: Told): Exited => {
  if (error !== null) throw new SpawnError(error);
  return { code, signal, at: performance.now() - Number(process.hrtime.bigint() - at) / 1e6 };
};

/** Pids of this process' children, those of its threads too. */
const ownChildren = (): number[] => {
  try {
    return readdirSync(`${PROC}/self/task`).flatMap((thread) =>
      readFileSync(`${PROC}/self/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    // A thread has just ended, or the kernel does not list children.
    return listProcesses().flatMap(({ pid, parent }) => (parent === process.pid ? [pid] : []));
  }
};

const startElsewhere = async (file: string, args: readonly string[], options: SpawnOptions): Promise<Spawned> => {
  try {
    const child = spawn(file, args, { ...options, stdio: [...options.stdio] });
    const exited = new Promise<Exited>((resolve) =>
      child.once('exit', (code, signal) => resolve({ code, signal, at: performance.now() })),
    );
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return { pid: child.pid ?? 0, exited };
  } catch (error) {
    throw new SpawnError(String((error as NodeJS.ErrnoException).code));
  }
};
