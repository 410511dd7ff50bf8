/** The load client: the viewers, which run in worker processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Counted, FromWorker, Progress, Target, ToWorker } from './messages.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

export interface LoadOptions {
  /** One for each viewer. */
  readonly targets: readonly Target[];
  /** Number of worker processes; at most one per viewer. */
  readonly workers: number;
  /** Whether latencies are measured, which costs the client CPU time; default: no. */
  readonly timed?: boolean;
  /** Whether viewers stop reading once they have subscribed; default: no. */
  readonly stalled?: boolean;
}

/** The counts of all workers together. */
export type LoadCount = Omit<Counted, 'kind'> & {
  /** CPU time of each worker, microseconds. If one equals the elapsed time, the client is the limit. */
  readonly workerMicros: readonly number[];
};

/** A viewer missed a line, got one twice, or was disconnected. */
export class LineLost extends Error {
  override readonly name = 'LineLost';
}

class Worker {
  readonly child: ChildProcess;
  progress: Progress = { kind: 'progress', last: 0, warm: false, fault: null };
  #counted: ((counted: Counted) => void)[] = [];
  /** Ports of its viewers, once they are connected. */
  ports: readonly number[] = [];
  #opened: () => void = () => undefined;

  constructor(onProgress: () => void) {
    this.child = fork(WORKER, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (message: FromWorker) => {
      if (message.kind === 'progress') {
        this.progress = message;
        onProgress();
      } else if (message.kind === 'counted') this.#counted.shift()?.(message);
      else {
        this.ports = message.ports;
        this.#opened();
      }
    });
    this.child.once('exit', () => {
      const fault = this.progress.fault ?? 'a worker of the load client ended';
      this.progress = { ...this.progress, fault };
      onProgress();
    });
  }

  send(message: ToWorker): void {
    this.child.send(message);
  }

  open(message: ToWorker): Promise<void> {
    return new Promise((resolve) => {
      this.#opened = resolve;
      this.send(message);
    });
  }

  count(): Promise<Counted> {
    return new Promise((resolve) => {
      this.#counted.push(resolve);
      this.send({ kind: 'count' });
    });
  }
}

export class Load implements AsyncDisposable {
  readonly #workers: Worker[];
  #waiting: (() => void)[] = [];
  #fault: LineLost | null = null;

  private constructor(workers: number) {
    this.#workers = Array.from({ length: workers }, () => new Worker(() => this.#changed()));
  }

  /** Resolves when all viewers are connected and have subscribed. @throws LineLost if one is refused */
  static async open({ targets, workers, timed = false, stalled = false }: LoadOptions): Promise<Load> {
    const count = Math.min(workers, targets.length);
    const load = new Load(count);
    const opened = load.#workers.map((worker, i) => {
      const share = targets.filter((_, viewer) => viewer % count === i);
      return worker.open({ kind: 'open', targets: share, timed, stalled });
    });
    try {
      await Promise.race([Promise.all(opened), load.until(() => false)]);
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
    return load;
  }

  /** Number of the newest line that every viewer has. */
  get last(): number {
    return Math.min(...this.#workers.map(({ progress }) => progress.last));
  }

  /** Local ports of the viewers. */
  get ports(): readonly number[] {
    return this.#workers.flatMap(({ ports }) => ports);
  }

  get warm(): boolean {
    return this.#workers.every(({ progress }) => progress.warm);
  }

  /** Resolves when the condition holds; it is checked at each report of a worker. @throws LineLost at any fault */
  async until(holds: () => boolean): Promise<void> {
    for (;;) {
      if (this.#fault !== null) throw this.#fault;
      if (holds()) return;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  /** Resolves when every viewer has every line up to this number. @throws LineLost at any fault, and after `ms` */
  async complete(last: number, ms: number): Promise<void> {
    const timer = setTimeout(() => {
      this.#fault ??= new LineLost(`after ${ms} ms a viewer is at line ${this.last} of ${last}`);
      this.#changed();
    }, ms);
    try {
      await this.until(() => this.last >= last);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Checks the conditions of `until` again. */
  look(): void {
    this.#changed();
  }

  /** Discards the latencies so far. */
  time(): void {
    for (const worker of this.#workers) worker.send({ kind: 'time' });
  }

  stall(stalled: boolean): void {
    for (const worker of this.#workers) worker.send({ kind: 'stall', stalled });
  }

  async count(): Promise<LoadCount> {
    const counts = await Promise.all(this.#workers.map((worker) => worker.count()));
    const latencies = new Map<number, number>();
    for (const [step, count] of counts.flatMap((one) => one.latencies)) {
      latencies.set(step, (latencies.get(step) ?? 0) + count);
    }
    return {
      lines: sum(counts.map(({ lines }) => lines)),
      bytes: sum(counts.map(({ bytes }) => bytes)),
      cpuMicros: sum(counts.map(({ cpuMicros }) => cpuMicros)),
      workerMicros: counts.map(({ cpuMicros }) => cpuMicros),
      latencies: [...latencies].sort(([a], [b]) => a - b),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#workers
      .filter(({ child }) => child.exitCode === null && child.signalCode === null)
      .map(({ child }) => new Promise<void>((resolve) => child.once('exit', () => resolve())));
    for (const { child } of this.#workers) child.kill('SIGKILL');
    await Promise.all(ended);
  }

  #changed(): void {
    const fault = this.#workers.find(({ progress }) => progress.fault !== null)?.progress.fault;
    if (fault !== undefined && fault !== null) this.#fault ??= new LineLost(fault);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
