/** What the API changes: start, cancel, retry, delete. Every step is safe to repeat. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { abortable } from '../../async/abortable.ts';
import { BatchLoader } from '../../async/batchLoader.ts';
import { overMaximum } from '../../domain/allotment.ts';
import { isAllowedImage } from '../../domain/allowedImages.ts';
import type { Caller } from '../../domain/caller.ts';
import { BadUserInput, Conflict, NotFound, Unavailable } from '../../domain/errors.ts';
import { newRunId, type RunId } from '../../domain/ids.ts';
import type { EnvVar, RunRecord, RunSpec, RunSummary } from '../../domain/run.ts';
import { answered, STORE_DEADLINE_MS } from '../../redis/wait.ts';
import { controlChannel, leaseKey, logKey, recordKey } from '../../wire/keys.ts';
import { Script } from '../../wire/scripts/script.ts';
import { CANCEL, DELETE } from '../../wire/scripts/writeScripts.ts';
import { untilReady } from '../../wire/untilReady.ts';
import type { LostTails } from '../lossyRedis/lostTails.ts';
import { createRecord, type NewRun, type RunDefaults, readImageAsked } from '../records/creation.ts';
import { ACTIVE_RUNS, RUNS_INDEX } from '../records/indexKeys.ts';
import type { Runs, RunsFor, StartRequest } from '../records/runs.ts';
import { unsealEnv } from '../records/secrets.ts';
import { readDetailBytes, readDetails, readMarked, readRun, readSummaries, readSummary } from '../records/store.ts';
import { writeCancelledPending } from '../supervision/ending.ts';
import type { AttemptQueue } from '../supervision/queue.ts';
import { claimRun } from '../supervision/runWriter.ts';
import { release, reserve } from './idempotency.ts';
import { readPage } from './runPages.ts';

/** How long the end of a doubtful PENDING run is waited for; after that its supervisor writes it. */
const DOUBT_MS = 60_000;

const cancel = new Script(CANCEL);
const remove = new Script(DELETE);

export interface CommandsContext {
  readonly redis: Redis;
  readonly queue: AttemptQueue;
  readonly masterKey: Buffer;
  readonly defaults: RunDefaults;
  /** Null where Redis loses nothing that it has acknowledged. */
  readonly lostTails?: LostTails | null;
  readonly log: Logger;
}

/** What one call works with. `caller` decides nothing yet: without authentication every caller is LOCAL_ADMIN. */
interface CallContext extends CommandsContext {
  readonly caller: Caller;
}

/** Records that one question reads at most. */
const READ_TOGETHER = 50;

/** The API's view of runs. Each call is answered within STORE_DEADLINE_MS, with Unavailable at the latest. */
export const runCommands = (shared: CommandsContext): RunsFor => {
  const { redis, log } = shared;
  // While Redis is away nothing is queued on its connection: what is given up must not be done later.
  const ready = <T>(work: (signal: AbortSignal) => Promise<T>, given?: AbortSignal): Promise<T> => {
    const whenReady = async (signal: AbortSignal): Promise<T> => {
      await untilReady(redis, signal);
      return await work(signal);
    };
    return answered(whenReady, log, given);
  };
  const reads = new BatchLoader((ids: readonly RunId[]) => readSummaries(redis, ids), READ_TOGETHER);
  return (caller): Runs => {
    const context: CallContext = { ...shared, caller };
    return {
      get: (id, given) => ready((signal) => reads.load(id, signal), given),
      getMany: (ids) => ready(() => readSummaries(redis, ids)),
      getMarked: (ids) => ready(() => readMarked(redis, ids)),
      detailBytes: (wanted) => ready(() => readDetailBytes(redis, wanted)),
      details: (wanted, bytes, given) => ready((signal) => readDetails(redis, wanted, bytes, signal), given),
      page: async (request, scan) => {
        const { hasNext, hasPrevious, ...page } = await ready(() => readPage(redis, request, scan), scan.signal);
        return { ...page, hasNext: () => ready(hasNext), hasPrevious: () => ready(hasPrevious) };
      },
      start: (request) => ready((signal) => start(context, request, signal)),
      cancel: (id, reason, force) => ready((signal) => cancelRun(context, { id, reason, force }, signal)),
      retry: (id) => ready((signal) => retryRun(context, id, signal)),
      delete: (id) => ready((signal) => deleteRun(context, id, signal)),
    };
  };
};

const start = async (
  context: CallContext,
  { spec, idempotencyKey }: StartRequest,
  signal: AbortSignal,
): Promise<RunSummary> => {
  const problems = overMaximum(spec, context.defaults.allotment);
  if (problems.length > 0) throw new BadUserInput(problems);
  if (idempotencyKey === null) {
    return await create(context, { id: newRunId(), spec, retryOf: null, idempotency: null }, signal);
  }
  const { redis, masterKey, defaults } = context;
  const { id, name } = await reserve(redis, masterKey, idempotencyKey, spec, defaults.retentionMs);
  const known = await readSummary(redis, id);
  // Whoever came first may have died half-way: then this call completes it, under the same id.
  return known ?? (await create(context, { id, spec, retryOf: null, idempotency: name }, signal));
};

const create = async (context: CallContext, run: NewRun, signal: AbortSignal): Promise<RunSummary> => {
  const { redis, masterKey, defaults, queue, log } = context;
  await createRecord(redis, masterKey, defaults, run, signal);
  try {
    await abortable(queue.add(run.id, 1, 0), signal);
  } catch (error) {
    // The run is accepted; the reconciler makes the job that it has not got.
    log.warn({ err: error, runId: run.id }, 'the job of a new run could not be made yet');
  }
  const record = await readSummary(redis, run.id);
  if (record === null) throw new Unavailable('The run was removed while it was being started.');
  return record;
};

const cancelRun = async (
  context: CallContext,
  { id, reason, force }: { readonly id: RunId; readonly reason: string | null; readonly force: boolean },
  signal: AbortSignal,
): Promise<RunSummary> => {
  const { redis } = context;
  const [code, term, status] = (await cancel.run(
    redis,
    [recordKey(id)],
    [reason ?? '', force ? '1' : '0', controlChannel(id)],
  )) as [string, string, string];
  if (code === 'GONE') throw new NotFound();
  const noted = await readSummary(redis, id);
  if (noted === null) throw new NotFound();
  if (code !== 'OK' || status !== 'PENDING') return noted;
  if (context.lostTails?.settling.doubtful(noted)) {
    // It may have been started already, and its writer be about to say so: nobody may be fenced by this.
    endDoubtful(context, noted, Number(term));
    return noted;
  }
  await endPending(context, id, Number(term), signal);
  const run = await readSummary(redis, id);
  if (run === null) throw new NotFound();
  return run;
};

/** The cancel is noted; where the run turns out to be PENDING indeed, it is ended a few seconds later. */
const endDoubtful = (context: CallContext, { id, createdAt }: RunSummary, fromTerm: number): void => {
  const work = async (): Promise<void> => {
    await context.lostTails?.settling.settled({ createdAt }, AbortSignal.timeout(DOUBT_MS));
    await endPending(context, id, fromTerm, AbortSignal.timeout(STORE_DEADLINE_MS));
  };
  work().catch((error: unknown) => {
    context.log.info({ err: error, runId: id }, 'a waiting run is not ended yet; whoever starts it sees the cancel');
  });
};

/** Ends a run that nobody writes. Where a supervisor is faster, that one sees the cancel: both ways it is ended once. */
const endPending = async (context: CallContext, id: RunId, fromTerm: number, signal: AbortSignal): Promise<void> => {
  const { redis, queue, log } = context;
  const claimed = await claimRun({ redis, signal, log }, id, { attempt: null, statuses: ['PENDING'], fromTerm });
  if (claimed.code !== 'OK') return;
  const { run, writer } = claimed;
  const code = await writeCancelledPending(writer, run);
  if (code !== 'OK') return;
  await context.lostTails?.endings.keep(id);
  await redis.zrem(ACTIVE_RUNS, id);
  await queue.remove(id, run.nextAttempt);
};

const retryRun = async (context: CallContext, id: RunId, signal: AbortSignal): Promise<RunSummary> => {
  const { redis, masterKey } = context;
  const [run, image] = await Promise.all([readRun(redis, id), readImageAsked(redis, id)]);
  if (run === null) throw new NotFound();
  const spec: RunSpec = {
    name: run.name,
    image,
    command: run.command,
    input: run.input,
    env: openedEnv(masterKey, run),
    labels: run.labels,
    timeoutSeconds: run.timeoutSeconds,
    resources: run.resources,
    maxAttempts: run.maxAttempts,
    backoffSeconds: run.backoffSeconds,
  };
  const { allowedImages } = context.defaults.allotment;
  if (image !== null && allowedImages !== null && !isAllowedImage(image, allowedImages)) {
    throw new Conflict(
      'The image of this run is no longer allowed (ALLOWED_IMAGES). Start a new run with another image.',
    );
  }
  return await create(context, { id: newRunId(), spec, retryOf: id, idempotency: null }, signal);
};

/** @throws Conflict where this service's key does not open them: no repetition mends that */
const openedEnv = (masterKey: Buffer, { id, env }: Pick<RunRecord, 'id' | 'env'>): readonly EnvVar[] => {
  try {
    return unsealEnv(masterKey, id, env);
  } catch (error) {
    const message =
      'The secrets of this run were sealed with another SECRETS_KEY. Start a new run with startRun, or have the ' +
      'operator set the earlier key again.';
    throw new Conflict(message, { cause: error });
  }
};

const deleteRun = async ({ redis }: CallContext, id: RunId, signal: AbortSignal): Promise<void> => {
  const run = await readSummary(redis, id);
  if (run === null) throw new NotFound();
  const unfinished = new Conflict('The run has not finished. Cancel it first.');
  if (!run.closed) throw unfinished;
  await release(redis, id);
  signal.throwIfAborted();
  const removed = await remove.run(redis, [recordKey(id), logKey(id), leaseKey(id)], []);
  await Promise.all([redis.zrem(RUNS_INDEX, id), redis.zrem(ACTIVE_RUNS, id)]);
  if (removed === 0) throw unfinished;
  if (removed === -1) throw new NotFound();
};
