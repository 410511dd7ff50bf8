/** The launcher of a process that starts no runs (ROLE=api): it knows what the launchers of living workers can do. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { interval } from '../../async/interval.ts';
import { type Execution, LaunchError, type Launcher, type LauncherTraits } from '../../launchers/launcher.ts';
import { livingWorkers, type WorkerFacts } from './workers.ts';

const LOOK_EVERY_MS = 2000;
/** As long as no worker was seen. */
const UNKNOWN: WorkerFacts = { defaultImage: 'default', enforces: { memory: true, cpus: true } };
const NO_WORKER = 'no worker is alive, so runs stay PENDING: start a service with ROLE=worker or ROLE=all';

export const WORKERS_TRAITS: LauncherTraits = {
  kind: 'none',
  redisReach: { by: 'host' },
  carriesExecutor: 'host files',
};

export class WorkersLauncher implements Launcher {
  readonly kind = WORKERS_TRAITS.kind;
  readonly redisReach = WORKERS_TRAITS.redisReach;
  readonly carriesExecutor = WORKERS_TRAITS.carriesExecutor;
  readonly description = 'none: workers start the runs';
  readonly engine = 'none';
  readonly #redis: Redis;
  readonly #log: Logger;
  #known = UNKNOWN;
  #alive: number | null = null;
  #stop: () => void = () => undefined;

  constructor(redis: Redis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
  }

  get defaultImage(): string {
    return this.#known.defaultImage;
  }

  get enforces(): WorkerFacts['enforces'] {
    return this.#known.enforces;
  }

  async prepare(): Promise<void> {
    await this.#look();
    this.#stop = interval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Without a worker the process still serves runs and logs, so it is ready. */
  async unready(): Promise<null> {
    return null;
  }

  /** What an operator should know although the process is ready; null where all is well. */
  warning(): string | null {
    return this.#alive === 0 ? NO_WORKER : null;
  }

  /** The worker decides at the launch. */
  async needsPull(): Promise<boolean> {
    return false;
  }

  startsImage(): boolean {
    return false;
  }

  async launch(): Promise<Execution> {
    throw new LaunchError('LAUNCH_FAILED', 'This process starts no runs.');
  }

  async find(): Promise<null> {
    return null;
  }

  async list(): Promise<readonly []> {
    return [];
  }

  async close(): Promise<void> {
    this.#stop();
  }

  async #look(): Promise<void> {
    try {
      const workers = await livingWorkers(this.#redis);
      this.#known = workers[0] ?? this.#known;
      if (workers.length === 0 && this.#alive !== 0) this.#log.warn(NO_WORKER);
      if (workers.length > 0 && this.#alive === 0) this.#log.info({ workers: workers.length }, 'workers are alive');
      this.#alive = workers.length;
    } catch (error) {
      this.#log.debug({ err: error }, 'could not read which workers live');
    }
  }
}
