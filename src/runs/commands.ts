/** What the API changes: start, cancel, retry, delete. Every step is safe to repeat. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Conflict, NotFound, Unavailable } from '../domain/errors.ts';
import { newRunId, type RunId } from '../domain/ids.ts';
import type { RunSpec, RunSummary } from '../domain/run.ts';
import { controlChannel, leaseKey, logKey, recordKey } from '../log/keys.ts';
import { Script } from '../log/script.ts';
import { CANCEL, DELETE } from '../log/scripts.ts';
import { createRecord, type NewRun, type RunDefaults, readImageAsked } from './creation.ts';
import { writeCancelledPending } from './ending.ts';
import { release, reserve } from './idempotency.ts';
import { ACTIVE_RUNS, RUNS_INDEX } from './keys.ts';
import type { LostTails } from './lostTails.ts';
import { readPage } from './pages.ts';
import type { AttemptQueue } from './queue.ts';
import type { Runs, StartRequest } from './runs.ts';
import { unsealEnv } from './secrets.ts';
import { readDetailBytes, readDetails, readMarked, readRun, readSummaries, readSummary } from './store.ts';
import { answered, STORE_DEADLINE_MS, withDeadline } from './wait.ts';
import { claimRun } from './writer.ts';

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

/** The API's view of runs. Each call is answered within STORE_DEADLINE_MS, with Unavailable at the latest. */
export const runCommands = (context: CommandsContext): Runs => {
  const { redis } = context;
  return {
    get: (id) => answered(() => readSummary(redis, id)),
    getMany: (ids) => answered(() => readSummaries(redis, ids)),
    getMarked: (ids) => answered(() => readMarked(redis, ids)),
    detailBytes: (wanted) => answered(() => readDetailBytes(redis, wanted)),
    details: (wanted, bytes, signal) => answered(() => readDetails(redis, wanted, bytes, withDeadline(signal))),
    page: async (request, scan) => {
      const { hasNext, hasPrevious, ...page } = await answered(() => readPage(redis, request, scan));
      return { ...page, hasNext: () => answered(hasNext), hasPrevious: () => answered(hasPrevious) };
    },
    start: (request) => answered(() => start(context, request)),
    cancel: (id, reason, force) => answered(() => cancelRun(context, id, reason, force)),
    retry: (id) => answered(() => retryRun(context, id)),
    delete: (id) => answered(() => deleteRun(context, id)),
  };
};

const start = async (context: CommandsContext, { spec, idempotencyKey }: StartRequest): Promise<RunSummary> => {
  if (idempotencyKey === null) {
    return await create(context, { id: newRunId(), spec, retryOf: null, idempotency: null });
  }
  const { redis, masterKey, defaults } = context;
  const { id, name } = await reserve(redis, masterKey, idempotencyKey, spec, defaults.retentionMs);
  const known = await readSummary(redis, id);
  // Whoever came first may have died half-way: then this call completes it, under the same id.
  return known ?? (await create(context, { id, spec, retryOf: null, idempotency: name }));
};

const create = async (context: CommandsContext, run: NewRun): Promise<RunSummary> => {
  const { redis, masterKey, defaults, queue, log } = context;
  await createRecord(redis, masterKey, defaults, run);
  try {
    await queue.add(run.id, 1, 0);
  } catch (error) {
    // The run is accepted; the reconciler makes the job that it has not got.
    log.warn({ err: error, runId: run.id }, 'the job of a new run could not be made yet');
  }
  const record = await readSummary(redis, run.id);
  if (record === null) throw new Unavailable('The run was removed while it was being started.');
  return record;
};

const cancelRun = async (
  context: CommandsContext,
  id: RunId,
  reason: string | null,
  force: boolean,
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
  await endPending(context, id, Number(term));
  const run = await readSummary(redis, id);
  if (run === null) throw new NotFound();
  return run;
};

/** The cancel is noted; where the run turns out to be PENDING indeed, it is ended a few seconds later. */
const endDoubtful = (context: CommandsContext, { id, createdAt }: RunSummary, fromTerm: number): void => {
  const work = async (): Promise<void> => {
    await context.lostTails?.settling.settled({ createdAt }, AbortSignal.timeout(DOUBT_MS));
    await endPending(context, id, fromTerm);
  };
  work().catch((error: unknown) => {
    context.log.info({ err: error, runId: id }, 'a waiting run is not ended yet; whoever starts it sees the cancel');
  });
};

/** Ends a run that nobody writes. Where a supervisor is faster, that one sees the cancel: both ways it is ended once. */
const endPending = async (context: CommandsContext, id: RunId, fromTerm: number): Promise<void> => {
  const { redis, queue, log } = context;
  const signal = AbortSignal.timeout(STORE_DEADLINE_MS);
  const claimed = await claimRun({ redis, signal, log }, id, { attempt: null, statuses: ['PENDING'], fromTerm });
  if (claimed.code !== 'OK') return;
  const { run, writer } = claimed;
  const code = await writeCancelledPending(writer, run);
  if (code !== 'OK') return;
  await context.lostTails?.endings.keep(id);
  await redis.zrem(ACTIVE_RUNS, id);
  await queue.remove(id, run.nextAttempt);
};

const retryRun = async (context: CommandsContext, id: RunId): Promise<RunSummary> => {
  const { redis, masterKey } = context;
  const [run, image] = await Promise.all([readRun(redis, id), readImageAsked(redis, id)]);
  if (run === null) throw new NotFound();
  const spec: RunSpec = {
    name: run.name,
    image,
    command: run.command,
    input: run.input,
    env: unsealEnv(masterKey, id, run.env),
    labels: run.labels,
    timeoutSeconds: run.timeoutSeconds,
    resources: run.resources,
    maxAttempts: run.maxAttempts,
    backoffSeconds: run.backoffSeconds,
  };
  return await create(context, { id: newRunId(), spec, retryOf: id, idempotency: null });
};

const deleteRun = async ({ redis }: CommandsContext, id: RunId): Promise<void> => {
  const run = await readSummary(redis, id);
  if (run === null) throw new NotFound();
  const unfinished = new Conflict('The run has not finished. Cancel it first.');
  if (!run.closed) throw unfinished;
  await release(redis, id);
  const removed = await remove.run(redis, [recordKey(id), logKey(id), leaseKey(id)], []);
  await Promise.all([redis.zrem(RUNS_INDEX, id), redis.zrem(ACTIVE_RUNS, id)]);
  if (removed === 0) throw unfinished;
  if (removed === -1) throw new NotFound();
};
