/**
 * Starts one process and reports how it ended. child_process.spawn reports an exit with 0 for a process that a
 * real-time signal (32 to 64) killed, because Node.js has no names for these signals. spawnSync tells the two apart but
 * blocks, so a thread calls it (docs/decisions/0008-a-thread-waits-for-the-command.md).
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { pause } from '../../src/async/pause.ts';
import { listProcesses, PROC } from '../../src/system/processes.ts';
import { FIFO_DIRECTORY } from '../../src/wire/executorRoot.ts';

export interface SpawnOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdio: readonly ('ignore' | number)[];
  /** Starts it in its own session and process group. */
  readonly detached: true;
}

/** How a process ended. Both are null if a signal without a name in Node.js killed it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The process was not started. `code`: that of the system's error or of Node.js'. */
export class SpawnError extends Error {
  override readonly name = 'SpawnError';
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** `at`: instant of the exit by performance.now(). The report of it can come later. */
export type Exited = Exit & { readonly at: number };

export interface Spawned {
  readonly pid: number;
  /** Rejects with SpawnError if the program could not be executed after all. */
  readonly exited: Promise<Exited>;
}

/** What the thread reports at the end. */
interface Report extends Exit {
  readonly pid: number;
  readonly error: string | null;
  /** By process.hrtime.bigint(), a clock that all threads share. */
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
  const report = run(request);
  parentPort.postMessage({ ...report, at: process.hrtime.bigint() });
});`;

/** Megabytes. The thread holds Node.js itself, and the command's arguments and environment, which LIMITS bounds. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16, stackSizeMb: 1 };
const LOOK_EVERY_MS = 1;

export class Spawner {
  readonly #thread: Worker | null;

  /** Starts the thread at once, which takes about 40 ms of CPU time. Only Linux has /proc and real-time signals. */
  constructor() {
    if (process.platform !== 'linux') {
      this.#thread = null;
      return;
    }
    this.#thread = new Worker(THREAD, { eval: true, env: {}, execArgv: preload(), resourceLimits: THREAD_LIMITS });
    this.#thread.unref();
    // `exit` follows, which #ask reports.
    this.#thread.on('error', () => undefined);
  }

  /** Resolves when the process exists. Call it once. @throws SpawnError */
  async start(file: string, args: readonly string[], options: SpawnOptions): Promise<Spawned> {
    if (this.#thread === null) return await startWithoutThread(file, args, options);
    const before = new Set(ownChildren());
    let report: Report | null = null;
    const ended = this.#ask(this.#thread, [file, args, options]).then((answer) => {
      report = answer;
      return answer;
    });
    const exited = ended.then(exitOf);
    exited.catch(() => undefined);
    for (;;) {
      const pid = ownChildren().find((child) => !before.has(child));
      if (pid !== undefined) return { pid, exited };
      if (report !== null) return { pid: (await ended).pid, exited: Promise.resolve(await exited) };
      await pause(LOOK_EVERY_MS);
    }
  }

  #ask(thread: Worker, request: readonly unknown[]): Promise<Report> {
    const { promise, resolve } = Promise.withResolvers<Report>();
    thread.once('message', resolve);
    thread.once('exit', () => resolve({ pid: 0, code: null, signal: null, error: 'EAGAIN', at: 0n }));
    thread.postMessage(request);
    return promise;
  }
}

/** Node.js asks for the working directory before it runs a thread's code. In a container it has no path (PROC). */
const preload = (): string[] => {
  if (PROC === '/proc') return [];
  const path = `${FIFO_DIRECTORY}/cwd.cjs`;
  writeFileSync(path, "process.cwd = () => '/';");
  return ['--require', path];
};

const exitOf = ({ code, signal, error, at }: Report): Exited => {
  if (error !== null) throw new SpawnError(error);
  return { code, signal, at: performance.now() - Number(process.hrtime.bigint() - at) / 1e6 };
};

/** Pids of this process' children, including those of its threads. */
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

const startWithoutThread = async (file: string, args: readonly string[], options: SpawnOptions): Promise<Spawned> => {
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
