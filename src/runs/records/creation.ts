/** How a run comes to be: its record and first event in one step, then its places in the sets, then its job. */
import type { Redis } from 'ioredis';
import { type Allotment, allot } from '../../domain/allotment.ts';
import type { EventDraft } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunRecord, RunSpec } from '../../domain/run.ts';
import type { Launcher } from '../../launchers/launcher.ts';
import { encodeBatch } from '../../wire/codec.ts';
import { logChannel, logKey, recordKey } from '../../wire/keys.ts';
import { marksOf } from '../../wire/labelMarks.ts';
import { LABEL_MARKS, recordFields } from '../../wire/runRecord.ts';
import { Script } from '../../wire/scripts/script.ts';
import { CREATE } from '../../wire/scripts/writeScripts.ts';
import { ACTIVE_RUNS, RUNS_INDEX } from './indexKeys.ts';
import { sealEnv } from './secrets.ts';

const create = new Script(CREATE);

/** What every new run of this service gets beside its spec. */
export interface RunDefaults {
  readonly defaultImage: string;
  readonly allotment: Allotment;
  /** Which of its bounds the launcher holds. */
  readonly enforces: Launcher['enforces'];
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  readonly cancelGraceMs: number;
  readonly retentionMs: number;
  /** As RunRecord.lingerMs; default 0. */
  readonly lingerMs?: number;
}

/** Fields of the record's hash that are this part's own and not in RunRecord. */
const IMAGE_ASKED = 'imageAsked';
export const IDEMPOTENCY_FIELD = 'idempotency';

/** The image that was asked for; null where none was, or the run is gone. @throws the connection's error */
export const readImageAsked = async (redis: Redis, id: RunId): Promise<string | null> =>
  (await redis.hget(recordKey(id), IMAGE_ASKED)) || null;

export interface NewRun {
  readonly id: RunId;
  /** With plain secrets. */
  readonly spec: RunSpec;
  readonly retryOf: RunId | null;
  /** Name of the idempotency key, which is renewed and removed with the run. */
  readonly idempotency: string | null;
}

/**
 * Creates the run's record, or finds it there; safe to repeat, also by several at once. The id is among the
 * unfinished ones before there is a record, so that the reconciler completes what a crash leaves.
 * @throws the connection's error, or the signal's reason
 */
export const createRecord = async (
  redis: Redis,
  masterKey: Buffer,
  defaults: RunDefaults,
  { id, spec, retryOf, idempotency }: NewRun,
  signal?: AbortSignal,
): Promise<void> => {
  const now = Date.now();
  const { image, env, ...rest } = spec;
  const record: Omit<RunRecord, 'version'> = {
    ...rest,
    ...allot(spec, defaults.allotment, defaults.enforces),
    id,
    image: image ?? defaults.defaultImage,
    env: sealEnv(masterKey, id, env),
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
  const accepted: EventDraft = {
    kind: 'StatusChanged',
    timestamp: now,
    status: 'PENDING',
    previous: null,
    detail: null,
  };
  const own = [IMAGE_ASKED, image ?? '', IDEMPOTENCY_FIELD, idempotency ?? '', LABEL_MARKS, marksOf(spec.labels)];
  const fields = [...recordFields(record), ...own];
  await redis.zadd(ACTIVE_RUNS, 0, id);
  // Whoever gave up was told that it may not be there: what is not there by now stays so.
  signal?.throwIfAborted();
  await create.run(redis, [recordKey(id), logKey(id)], [encodeBatch([accepted], 1, 1), 1, logChannel(id), ...fields]);
  await redis.zadd(RUNS_INDEX, 0, id);
};
