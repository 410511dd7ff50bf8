/** Creates the record of a run with its first event, and adds the run to the indexes. */
import type { Redis } from 'ioredis';
import { ShareUsedUp } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import { LIMITS } from '../../domain/limits.ts';
import { type Allotment, allot } from '../../domain/policy/allotment.ts';
import type { EnvVar, RunRecord, RunSpec } from '../../domain/run.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import { BatchBuilder } from '../../wire/batchBuilder.ts';
import { logChannel, logKey, recordKey } from '../../wire/keys.ts';
import { marksOf } from '../../wire/labelMarks.ts';
import { LogIndex } from '../../wire/logIndex/logIndex.ts';
import { fixedPart } from '../../wire/record/fixedFields.ts';
import { LABEL_MARKS, recordFields } from '../../wire/runRecord.ts';
import { Script } from '../../wire/scripts/script.ts';
import { CREATE } from '../../wire/scripts/writeScripts.ts';
import { readFields } from './fields.ts';
import { announceRun, indexRuns, queued, takePlace } from './indexes.ts';
import { sealEnv } from './secrets.ts';

const create = new Script(CREATE);

/** Settings of the service for all new runs. */
export interface RunDefaults {
  readonly defaultImage: string;
  readonly allotment: Allotment;
  /** Which limits the launcher enforces. */
  readonly enforces: Launcher['enforces'];
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  readonly cancelGraceMs: number;
  readonly retentionMs: number;
  /** PENDING runs of one tenant; 0, the default: no limit. */
  readonly queuedRuns?: number;
  /** As RunRecord.lingerMs; default 0. */
  readonly lingerMs?: number;
}

/** Fields of the record's hash that are not in RunRecord. */
export const IMAGE_ASKED = 'imageAsked';
export const IDEMPOTENCY_FIELD = 'idempotency';

/** The image that was asked for; null where none was, or where the run is gone. @throws the connection's error */
export const readImageAsked = async (redis: Redis, id: RunId): Promise<string | null> =>
  (await readFields(redis, [{ id, names: [IMAGE_ASKED] }]))[0]?.[0] || null;

export interface NewRun extends Pick<RunRecord, 'id' | 'tenant' | 'createdBy' | 'retryOf'> {
  /** With plain secrets. */
  readonly spec: RunSpec;
  /** Name of the idempotency key in Redis; it is renewed and removed with the run. */
  readonly idempotency: string | null;
}

export interface CreationContext {
  readonly redis: Redis;
  readonly masterKey: Buffer;
  readonly defaults: RunDefaults;
}

/**
 * Creates the run's record; does nothing where it exists. Safe to repeat and to run concurrently. The id is added to the
 * unfinished runs before the record exists, so that the reconciler completes what a crash leaves.
 * @throws ShareUsedUp if the tenant's queue is full; the connection's error, or the signal's reason
 */
export const createRecord = async (
  { redis, masterKey, defaults }: CreationContext,
  run: NewRun,
  signal?: AbortSignal,
): Promise<void> => {
  const { id, tenant, spec, idempotency } = run;
  const now = Date.now();
  const builder = new BatchBuilder();
  builder.add({ kind: 'StatusChanged', timestamp: now, status: 'PENDING', previous: null, detail: null });
  const { state: logIndex } = new LogIndex().add({ firstSeq: 1, count: 1, attempt: 1, facts: builder.facts });
  // First: Redis searches a small hash from its beginning, and each append writes this field.
  const record = { logIndex, ...initialRecord(run, sealEnv(masterKey, id, spec.env), defaults, now) };
  const image = spec.image ?? '';
  const own = [IMAGE_ASKED, image, IDEMPOTENCY_FIELD, idempotency ?? '', LABEL_MARKS, marksOf(spec.labels)];
  const fields = [...recordFields(record), ...own];
  const fixed = fixedPart(fields);
  const { queuedRuns = 0 } = defaults;
  if (!(await takePlace(redis, tenant, id, queuedRuns))) throw queueFull(queuedRuns);
  await announceRun(redis, tenant, id);
  // After a timeout the client was told that the run can be missing: a run that does not exist by now is not created.
  signal?.throwIfAborted();
  await create.run(
    redis,
    [recordKey(id), logKey(id)],
    [builder.seal(1, 1), 1, logChannel(id), fixed.length, ...fixed, ...fields],
  );
  await indexRuns(redis, tenant, [id]);
};

/** Refuses early what createRecord would refuse. @throws ShareUsedUp; the connection's error */
export const requirePlace = async (redis: Redis, tenant: string, queuedRuns = 0): Promise<void> => {
  if (queuedRuns > 0 && (await queued(redis, tenant)) >= queuedRuns) throw queueFull(queuedRuns);
};

const queueFull = (most: number): ShareUsedUp => {
  const what = `The queue of your tenant is full: at most ${most} runs can be PENDING (MAX_QUEUED_RUNS).`;
  return new ShareUsedUp(what, LIMITS.queueFullSeconds);
};

const initialRecord = (
  { id, tenant, createdBy, spec, retryOf }: NewRun,
  sealedEnv: readonly EnvVar[],
  defaults: RunDefaults,
  now: EpochMs,
): Omit<RunRecord, 'version' | 'logIndex' | 'beat'> => {
  const { image, env: _plain, ...rest } = spec;
  return {
    ...rest,
    ...allot(spec, defaults.allotment, defaults.enforces),
    id,
    tenant,
    createdBy,
    image: image ?? defaults.defaultImage,
    env: sealedEnv,
    status: 'PENDING',
    attempt: 1,
    exitCode: null,
    failure: null,
    createdAt: now,
    startedAt: null,
    finishedAt: null,
    cancelRequestedAt: null,
    cancelReason: null,
    cancelForce: false,
    retryOf,
    retryAt: null,
    nextAttempt: 1,
    engine: null,
    progress: null,
    output: undefined,
    lines: 0,
    bytes: 0,
    dropped: 0,
    digest: null,
    lastSeq: 1,
    closed: false,
    term: 0,
    writer: '',
    maxLineBytes: defaults.maxLineBytes,
    maxLogBytes: defaults.maxLogBytes,
    cancelGraceMs: defaults.cancelGraceMs,
    retentionMs: defaults.retentionMs,
    lingerMs: defaults.lingerMs ?? 0,
  };
};
