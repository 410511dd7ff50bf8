/**
 * Threads that scan logs, so that the event loop goes on meanwhile. They start with the first search and end when none
 * was asked for a while. A thread that dies or does not answer is replaced; only the task that it was at fails.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { BadUserInput, LimitExceeded, Unavailable } from '../domain/errors.ts';
import type { ScanAnswer, ScanResult, ScanTask } from './scan/scanTask.ts';

/** Milliseconds without a task after which a thread ends. */
const IDLE_MS = 30_000;
/** Milliseconds for one task. It takes 50 as a rule, and a second for a long line and a large regular expression. */
const TASK_MS = 10_000;
/** MiB of a thread's heap; the texts of batches are outside of it, one at a time. */
const HEAP_MB = { maxOldGenerationSizeMb: 56, maxYoungGenerationSizeMb: 8 };
/** With two cores one thread: the other core is for the event loop and Redis. */
const THREADS = Math.max(1, Math.min(4, availableParallelism() - 1));

interface Waiting {
  readonly task: ScanTask;
  readonly resolve: (result: ScanResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What tests change. */
export interface PoolOptions {
  /** Default: TASK_MS. */
  readonly taskMs?: number;
  /** Default: THREADS. */
  readonly threads?: number;
}

export class ScanPool implements AsyncDisposable {
  readonly #threads: readonly ScanThread[];

  constructor(logger: Pick<Logger, 'warn'>, { taskMs = TASK_MS, threads = THREADS }: PoolOptions = {}) {
    this.#threads = Array.from({ length: threads }, () => new ScanThread(logger, taskMs));
  }

  /** Threads that run at present. */
  get running(): number {
    return this.#threads.filter((thread) => thread.isRunning).length;
  }

  /** @throws BadUserInput for a regular expression that is not valid; LimitExceeded if the thread died at this task */
  scan(task: ScanTask): Promise<ScanResult> {
    const [first, ...others] = this.#threads;
    const least = others.reduce((a, b) => ((b?.waiting ?? 0) < (a?.waiting ?? 0) ? b : a), first);
    if (least === undefined) throw new TypeError('there is at least one thread');
    return least.scan(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

class ScanThread {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #taskMs: number;
  #worker: Worker | null = null;
  /** The first one is being worked at. */
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(logger: Pick<Logger, 'warn'>, taskMs: number) {
    this.#logger = logger;
    this.#taskMs = taskMs;
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  scan(task: ScanTask): Promise<ScanResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ScanResult>();
    if (this.#ended) reject(new Unavailable('The service is stopping. Try again in a moment.'));
    else {
      this.#waiting.push({ task, resolve, reject });
      if (this.#waiting.length === 1) this.#next();
    }
    return promise;
  }

  async end(): Promise<void> {
    this.#ended = true;
    const given = this.#waiting;
    this.#waiting = [];
    for (const { reject } of given) reject(new Unavailable('The service is stopping. Try again in a moment.'));
    await this.#stop();
  }

  /** Gives the thread its next task, or lets it end after a while. */
  #next(): void {
    clearTimeout(this.#timer);
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#timer = setTimeout(() => void this.#stop(), IDLE_MS).unref();
      return;
    }
    const worker = this.#worker ?? this.#start();
    this.#timer = setTimeout(() => this.#died(worker, new Error(`no answer within ${this.#taskMs} ms`)), this.#taskMs);
    worker.postMessage(first.task, [first.task.bytes.buffer]);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./scan/scanThread.ts', import.meta.url), { resourceLimits: HEAP_MB });
    worker.unref();
    worker.on('message', (answer: ScanAnswer) => this.#answered(answer));
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', (code) => this.#died(worker, new Error(`the thread ended with code ${code}`)));
    this.#worker = worker;
    return worker;
  }

  #answered(answer: ScanAnswer): void {
    const first = this.#waiting.shift();
    if (answer.kind === 'result') first?.resolve(answer.result);
    else if (answer.kind === 'badPattern') first?.reject(new BadUserInput('query.text', answer.message));
    else first?.reject(answer.error);
    this.#next();
  }

  /** The task that it was at fails; a new thread does the others. */
  #died(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    void worker.terminate();
    this.#logger.warn({ err: error }, 'a thread that scans logs died');
    const first = this.#waiting.shift();
    first?.reject(
      new LimitExceeded('The search took too much time or memory. Search for something simpler.', { cause: error }),
    );
    this.#next();
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}
