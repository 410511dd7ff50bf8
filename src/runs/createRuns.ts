/** Wires the runs' parts together for main.ts: the API's commands, the queue's worker, supervision, reconciling. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Allotment } from '../domain/allotment.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { RunStatus } from '../domain/run.ts';
import type { Launcher } from '../launchers/launcher.ts';
import type { Announcements } from '../wire/announcements.ts';
import { recordKey } from '../wire/keys.ts';
import { runCommands } from './api/runCommands.ts';
import { runUpdates } from './api/updates.ts';
import { tellHead } from './lossyRedis/heads.ts';
import { LINGER_MS, watchLostTails } from './lossyRedis/lostTails.ts';
import { ACTIVE_RUNS } from './records/indexKeys.ts';
import type { RunsFor, RunUpdates } from './records/runs.ts';
import { replies } from './records/store.ts';
import { AttemptQueue } from './supervision/queue.ts';
import { Reconciler } from './supervision/reconcile.ts';
import { Supervisor } from './supervision/supervisor.ts';

export interface RunServiceOptions {
  /** For commands: fails or waits while Redis is away, both are fine. */
  readonly redis: Redis;
  /** Makes a connection for the queue (role queue: maxRetriesPerRequest null); the service closes it. */
  connectQueue(): Redis;
  readonly announcements: Announcements;
  /** Prepared before it is given here. */
  readonly launcher: Launcher;
  /** 32 bytes. */
  readonly masterKey: Buffer;
  /** REDIS_URL of executors. */
  readonly executorRedisUrl: string;
  readonly allotment: Allotment;
  readonly maxConcurrentRuns: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  /** How far viewers of this process have been led in a run's log; null where there are none. */
  readonly followedTo?: (runId: RunId) => Seq | null;
  /** Redis may lose what it has acknowledged (redis/durability.ts); default false. */
  readonly mayLoseTails?: boolean;
  readonly log: Logger;
}

export interface RunService {
  /** Usable before `start` and after `stop`, as long as Redis is. */
  readonly runsFor: RunsFor;
  readonly updates: RunUpdates;
  /** Begins to start, adopt and supervise runs. */
  start(): void;
  /** Lets go of all runs and their containers, which go on, so that another process adopts them at once. */
  stop(): Promise<void>;
  /** Viewers here were led farther than Redis shows now. Never throws; does nothing where it cannot have lost that. */
  ahead(runId: RunId, head: Seq): void;
  /** Runs whose executor may be alive now: for these the private Redis must stay. @throws the connection's error */
  aliveRuns(): Promise<number>;
}

/**
 * Executors that linger are idle: some 2 s each in which they take no place of MAX_CONCURRENT_RUNS, so that short
 * runs are as many a second as ever, up to so many for each place.
 */
const LINGERING_PER_PLACE = 2;
/** A service stops in time even where Redis or the engine does not answer. */
const STOP_MS = 4000;

export const createRuns = (options: RunServiceOptions): RunService => {
  const { redis, announcements, launcher, masterKey, executorRedisUrl } = options;
  const log = options.log.child({ part: 'runs' });
  const queue = new AttemptQueue({ connect: options.connectQueue, concurrency: options.maxConcurrentRuns, log });
  const stopping = new AbortController();
  const { followedTo = () => null } = options;
  const lostTails = options.mayLoseTails ? watchLostTails(redis, log) : null;
  const supervisor = new Supervisor(
    {
      redis,
      announcements,
      launcher,
      masterKey,
      executorRedisUrl,
      queue,
      followedTo,
      lostTails,
      mostLingering: LINGERING_PER_PLACE * options.maxConcurrentRuns,
      log,
      processId: randomUUID(),
    },
    stopping.signal,
  );
  const reconciler = new Reconciler({ redis, queue, launcher, supervisor, log });
  let reconciling: Promise<void> | null = null;

  return {
    runsFor: runCommands({
      redis,
      queue,
      masterKey,
      defaults: {
        defaultImage: launcher.defaultImage,
        allotment: options.allotment,
        enforces: launcher.enforces,
        maxLineBytes: options.maxLineBytes,
        maxLogBytes: options.maxLogBytes,
        cancelGraceMs: options.cancelGraceMs,
        retentionMs: options.retentionMs,
        lingerMs: lostTails === null ? 0 : LINGER_MS,
      },
      lostTails,
      log,
    }),
    updates: runUpdates(announcements, log, redis),
    start() {
      if (reconciling !== null) return;
      queue.work((runId, attempt) => supervisor.startAttempt(runId, attempt));
      reconciling = reconciler.run(stopping.signal);
    },
    async stop() {
      stopping.abort(new Error('the service stops'));
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, STOP_MS);
      await Promise.race([Promise.allSettled([reconciling, queue.close()]), late]);
      clearTimeout(timer);
      lostTails?.close();
    },
    ahead(runId, head) {
      if (lostTails === null) return;
      tellHead(redis, runId, head).catch((error: unknown) => log.debug({ err: error, runId }, 'a head was not told'));
    },
    aliveRuns: () => aliveRuns(redis),
  };
};

const aliveRuns = async (redis: Redis): Promise<number> => {
  const ids = (await redis.zrange(ACTIVE_RUNS, '0', '-1')) as RunId[];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hget(recordKey(id), 'status');
  const statuses = ids.length === 0 ? [] : (replies(await pipeline.exec()) as (RunStatus | null)[]);
  return statuses.filter((status) => status === 'STARTING' || status === 'RUNNING').length;
};
