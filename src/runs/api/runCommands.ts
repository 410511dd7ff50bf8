/** What the API can do with runs, bound to one caller. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { BatchLoader } from '../../async/batchLoader.ts';
import { type Caller, seesRun } from '../../domain/caller.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunSummary } from '../../domain/run.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import { whenReady } from '../../redis/wait.ts';
import type { LossGuard } from '../lossyRedis/lossGuard.ts';
import type { RunDefaults } from '../records/creation.ts';
import { readMarked } from '../records/facts.ts';
import type { AdmitStart, Runs, RunsFor } from '../records/runs.ts';
import { readDetailBytes, readDetails, readSummaries } from '../records/store.ts';
import type { AttemptQueue } from '../supervision/queue.ts';
import { cancelRun } from './runCancel.ts';
import { deleteRun } from './runDeletion.ts';
import { readPage } from './runPages.ts';
import { retryRun, startRun } from './runStart.ts';

export interface CommandsContext {
  readonly redis: Redis;
  readonly queue: AttemptQueue;
  readonly masterKey: Buffer;
  readonly defaults: RunDefaults;
  readonly launcher: Pick<Launcher, 'needsPull'>;
  readonly losses: LossGuard;
  readonly log: Logger;
}

/** What one call works with. A run that `caller` does not see is NotFound, as if there were none. */
export interface CallContext extends CommandsContext {
  readonly caller: Caller;
  readonly admit?: AdmitStart | undefined;
}

/** Runs that are read by id in one round trip, at most. */
const READ_TOGETHER = 50;

/** Each call has its result within STORE_DEADLINE_MS, or fails with Unavailable. Calls can run concurrently. */
export const runCommands = (shared: CommandsContext): RunsFor => {
  const { redis, log } = shared;
  const ready = whenReady(redis, log);
  const reads = new BatchLoader((ids: readonly RunId[]) => readSummaries(redis, ids), READ_TOGETHER);
  return (caller): Runs => {
    const context: CallContext = { ...shared, caller };
    const seen = <R extends RunSummary>(run: R | null): R | null => (run !== null && seesRun(caller, run) ? run : null);
    return {
      get: (id, given) => ready(async (signal) => seen(await reads.load(id, signal)), given),
      getMany: (ids) => ready(async () => (await readSummaries(redis, ids)).map(seen)),
      getMarked: (ids, matcher = null) =>
        ready(async (signal) => (await readMarked(redis, ids, matcher, signal)).map(seen)),
      detailBytes: (wanted) => ready(() => readDetailBytes(redis, wanted)),
      details: (wanted, bytes, given) => ready((signal) => readDetails(redis, wanted, bytes, signal), given),
      page: async (request, scan) => {
        const { hasNext, hasPrevious, ...page } = await ready(
          () => readPage(redis, caller, { request, scan }),
          scan.signal,
        );
        return { ...page, hasNext: () => ready(hasNext), hasPrevious: () => ready(hasPrevious) };
      },
      start: (request, admit) => ready((signal) => startRun({ ...context, admit }, request, signal)),
      cancel: (id, reason, force) => ready((signal) => cancelRun(context, { id, reason, force }, signal)),
      retry: (id, admit) => ready((signal) => retryRun({ ...context, admit }, id, signal)),
      delete: (id) => ready((signal) => deleteRun(context, id, signal)),
    };
  };
};
