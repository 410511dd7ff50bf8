/** The queue of attempts to start, by BullMQ: one job per attempt, in order of arrival. */
import { type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunId } from '../../domain/ids.ts';
import { QUEUE_NAME, QUEUE_PREFIX } from '../records/indexKeys.ts';

/** How long the job of a process that died is held before another process can take it. */
const LOCK_MS = 10_000;
const STALLED_CHECK_MS = 5000;
/** Pause of a worker after an error; BullMQ's default is 15 s. */
const RETRY_MS = 1000;
/** Length of BullMQ's stream of events: nothing reads it here, and it cannot be turned off. */
const EVENTS_KEPT = 100;
/** How long `close` waits for Redis before it cuts the connections. */
const CLOSE_MS = 2000;

interface AttemptJob {
  readonly runId: RunId;
  readonly attempt: number;
}

export interface AttemptQueueOptions {
  /** Opens a connection with maxRetriesPerRequest null; the queue closes it. */
  connect(): Redis;
  /** Attempts that this process starts and supervises at the same time, at most. */
  readonly concurrency: number;
  readonly log: Logger;
}

/** Without a colon: BullMQ refuses it in ids. */
const jobId = (runId: RunId, attempt: number): string => `${runId}-${attempt}`;

/** A job only starts an attempt. It does nothing where the attempt is started, cancelled or gone. */
export class AttemptQueue {
  readonly #options: AttemptQueueOptions;
  readonly #connections: Redis[] = [];
  readonly #queue: Queue<AttemptJob>;
  #worker: Worker<AttemptJob> | null = null;

  constructor(options: AttemptQueueOptions) {
    this.#options = options;
    this.#queue = new Queue<AttemptJob>(QUEUE_NAME, {
      connection: this.#connect(),
      prefix: QUEUE_PREFIX,
      skipVersionCheck: true,
      streams: { events: { maxLen: EVENTS_KEPT } },
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    this.#queue.on('error', this.#onError);
  }

  /** Adds the attempt's job; does nothing where it is there. @throws the connection's error */
  async add(runId: RunId, attempt: number, delayMs: number): Promise<void> {
    await this.#queue.add('attempt', { runId, attempt }, { jobId: jobId(runId, attempt), delay: Math.max(delayMs, 0) });
  }

  /** Whether each of these attempts has a job (waiting, delayed or active). @throws the connection's error */
  async has(attempts: readonly AttemptJob[]): Promise<boolean[]> {
    const [redis] = this.#connections;
    if (redis === undefined || attempts.length === 0) return [];
    const pipeline = redis.pipeline();
    for (const { runId, attempt } of attempts) pipeline.exists(this.#queue.toKey(jobId(runId, attempt)));
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error, reply]) => {
      if (error !== null) throw error;
      return reply === 1;
    });
  }

  /** Removes the attempt's job where it waits; a job under way ends by itself. Never throws. */
  async remove(runId: RunId, attempt: number): Promise<void> {
    try {
      await this.#queue.remove(jobId(runId, attempt));
    } catch (error) {
      this.#options.log.debug({ err: error, runId }, 'could not remove a job; it will do nothing');
    }
  }

  /** Begins to take jobs. `startAttempt` resolves when the attempt's place is free for another one. */
  work(startAttempt: (runId: RunId, attempt: number) => Promise<void>): void {
    const process = async (job: Job<AttemptJob>): Promise<void> => {
      await startAttempt(job.data.runId, job.data.attempt);
    };
    this.#worker = new Worker<AttemptJob>(QUEUE_NAME, process, {
      connection: this.#connect(),
      prefix: QUEUE_PREFIX,
      skipVersionCheck: true,
      concurrency: this.#options.concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      runRetryDelay: RETRY_MS,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    this.#worker.on('error', this.#onError);
  }

  /** Takes no more jobs and closes the connections, with or without Redis. Jobs under way must end by themselves. */
  async close(): Promise<void> {
    const closing = Promise.allSettled([this.#worker?.close(), this.#queue.close()]);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([closing, late]);
    clearTimeout(timer);
    for (const redis of this.#connections) redis.disconnect();
  }

  #connect(): Redis {
    const redis = this.#options.connect();
    redis.on('error', this.#onError);
    this.#connections.push(redis);
    return redis;
  }

  readonly #onError = (error: Error): void => {
    this.#options.log.warn({ err: error }, 'the queue had an error and continues');
  };
}
