/** Puts the parts of the runs together: the API's calls, and the workers that start, supervise and repair runs. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { withDeadline } from '../async/deadline.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { Allotment } from '../domain/policy/allotment.ts';
import type { Launcher } from '../launchers/launcher.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { ExecutorAccess } from '../redis/executors/executorAccess.ts';
import type { Announcements } from '../wire/announcements.ts';
import { runCommands } from './api/runCommands.ts';
import { runUpdates } from './api/updates.ts';
import type { LossGuard } from './lossyRedis/lossGuard.ts';
import { executingAttempts } from './records/executing.ts';
import type { RunsFor, RunUpdates } from './records/runs.ts';
import { AttemptQueue } from './supervision/queue.ts';
import { Reconciler } from './supervision/reconcile.ts';
import { Supervisor } from './supervision/supervisor.ts';

export interface RunServiceOptions {
  /** For commands. While Redis is away it can fail or wait. */
  readonly redis: Redis;
  /** Opens a connection for the queue (role queue: maxRetriesPerRequest null); the queue closes it. */
  connectQueue(): Redis;
  readonly announcements: Announcements;
  /** Prepared already. */
  readonly launcher: Launcher;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  /** How executors get to Redis. */
  readonly access: ExecutorAccess;
  readonly allotment: Allotment;
  readonly maxConcurrentRuns: number;
  /** PENDING runs of one tenant; 0, the default: no limit. */
  readonly queuedRuns?: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  /** How far viewers of this process are in a run's log; null where it has none. Default: always null. */
  readonly followedTo?: (runId: RunId) => Seq | null;
  /** As ExecutionContext.silenceMs. */
  readonly silenceMs?: number;
  /** The owner closes it after `stop`. */
  readonly losses: LossGuard;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export interface RunService {
  /** Works before `start` and after `stop`, as long as Redis does. */
  readonly runsFor: RunsFor;
  readonly updates: RunUpdates;
  /** Begins to start, adopt and supervise runs. A second call does nothing. */
  start(): void;
  /** Ends all supervision within STOP_MS. Runs and their containers go on, and another process can adopt them at once. */
  stop(): Promise<void>;
  /** Number of runs whose executor can be alive: they need the private Redis. @throws the connection's error */
  aliveRuns(): Promise<number>;
}

/**
 * Executors that stay after the end (2 s each) take no place of MAX_CONCURRENT_RUNS, so short runs do not wait for them.
 * This many are allowed for each place.
 */
const LINGERING_PER_PLACE = 2;
/** A service stops in time even where Redis or the engine does not answer. */
const STOP_MS = 4000;

export const createRuns = (options: RunServiceOptions): RunService => {
  const { redis, announcements } = options;
  const log = options.log.child({ part: 'runs' });
  const queue = new AttemptQueue({ connect: options.connectQueue, concurrency: options.maxConcurrentRuns, log });
  const workers = createWorkers({ ...options, log }, queue);
  return {
    runsFor: createApi({ ...options, log }, queue),
    updates: runUpdates(announcements, log, redis),
    start: workers.start,
    stop: workers.stop,
    aliveRuns: async () => (await executingAttempts(redis)).length,
  };
};

const createApi = (options: RunServiceOptions, queue: AttemptQueue): RunsFor => {
  const { redis, masterKey, launcher, losses, log } = options;
  const { allotment, maxLineBytes, maxLogBytes, cancelGraceMs, retentionMs, queuedRuns = 0 } = options;
  const { lingerMs } = losses;
  const limits = { allotment, maxLineBytes, maxLogBytes, cancelGraceMs, retentionMs, lingerMs, queuedRuns };
  const defaults = {
    ...limits,
    // Read for each run: where others start the runs, what their launchers can do changes.
    get defaultImage() {
      return launcher.defaultImage;
    },
    get enforces() {
      return launcher.enforces;
    },
  };
  return runCommands({ redis, queue, launcher, masterKey, defaults, losses, log });
};

/** The queue's worker and the reconciler, around one supervisor. */
const createWorkers = (options: RunServiceOptions, queue: AttemptQueue): Pick<RunService, 'start' | 'stop'> => {
  const { redis, launcher, access, retentionMs, log } = options;
  const stopping = new AbortController();
  const mostLingering = LINGERING_PER_PLACE * options.maxConcurrentRuns;
  const context = { ...options, queue, mostLingering, processId: randomUUID() };
  const supervisor = new Supervisor(context, stopping.signal);
  const reconciler = new Reconciler({ redis, queue, launcher, access, supervisor, retentionMs, log });
  let reconciling: Promise<void> | null = null;
  return {
    start: () => {
      if (reconciling !== null) return;
      queue.work((runId, attempt) => supervisor.startAttempt(runId, attempt));
      reconciling = reconciler.run(stopping.signal);
    },
    stop: async () => {
      stopping.abort(new Error('the service stops'));
      const ended = Promise.allSettled([reconciling, queue.close()]);
      await withDeadline(() => ended, { ms: STOP_MS }).catch(() => undefined);
    },
  };
};
