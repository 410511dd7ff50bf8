/** Reads runs by id. Pages of runs are in src/runs/api/runPages.ts. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetails, RunRecord, RunSummary } from '../../domain/run.ts';
import { recordKey } from '../../wire/keys.ts';
import {
  LABEL_MARKS,
  parseDetail,
  parseMarks,
  parseRecord,
  parseStatus,
  parseSummary,
  SUMMARY_FIELDS,
} from '../../wire/runRecord.ts';
import type { RunHead } from './runFilter.ts';
import type { DetailsWanted } from './runs.ts';

/** Runs of one round trip. Between two round trips others get their turn, here and in Redis. */
const TOGETHER = 100;
/** Stored bytes of one round trip. */
const TOGETHER_BYTES = 512 * 1024;

/** The whole record, with its large members. @throws the connection's error */
export const readRun = async (redis: Redis, id: RunId): Promise<RunRecord | null> => {
  const [fields] = recordReplies(await redis.pipeline().hgetall(recordKey(id)).exec());
  return parseRecord((fields ?? {}) as Record<string, string>, id);
};

/** @throws the connection's error */
export const readSummary = async (redis: Redis, id: RunId): Promise<RunSummary | null> =>
  (await readSummaries(redis, [id]))[0] ?? null;

/** In the order of the ids. @throws the connection's error */
export const readSummaries = async (redis: Redis, ids: readonly RunId[]): Promise<(RunSummary | null)[]> => {
  const found: (RunSummary | null)[] = [];
  for (let from = 0; from < ids.length; from += TOGETHER) {
    const some = ids.slice(from, from + TOGETHER);
    const pipeline = redis.pipeline();
    for (const id of some) pipeline.hmget(recordKey(id), ...SUMMARY_FIELDS);
    const read = recordReplies(await pipeline.exec()) as ((string | null)[] | null)[];
    found.push(...some.map((id, i) => parseSummary(read[i] ?? [], id)));
  }
  return found;
};

/** In the order of the ids; null where there is no record. @throws the connection's error */
export const readHeads = async (redis: Redis, ids: readonly RunId[]): Promise<(RunHead | null)[]> => {
  if (ids.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(recordKey(id), ...HEAD_FIELDS);
  const answers = recordReplies(await pipeline.exec()) as ((string | null)[] | null)[];
  // Runs that an older version made have no marks.
  const older = ids.filter((_id, i) => answers[i]?.[0] && answers[i]?.[1] === null);
  const labels = redis.pipeline();
  for (const id of older) labels.hget(recordKey(id), 'labels');
  const read = older.length === 0 ? [] : (recordReplies(await labels.exec()) as (string | null)[]).map(parseMarks);
  return ids.map((id, i) => {
    const answer = answers[i] ?? [];
    const labelMarks = answer[1] ?? (answer[0] ? read.shift() : null) ?? '';
    return parseHead(answer, id, labelMarks);
  });
};

const HEAD_FIELDS = ['status', LABEL_MARKS, 'name', 'image', 'createdAt'] as const;

const parseHead = (answer: readonly (string | null)[], id: RunId, labelMarks: string): RunHead | null => {
  const status = parseStatus(answer[0]);
  if (status === null) return null;
  const [, , name, image, createdAt] = answer;
  return { id, status, labelMarks, name: name || null, image: image ?? '', createdAt: Number(createdAt) || 0 };
};

/** As Runs.detailBytes. @throws the connection's error */
export const readDetailBytes = async (redis: Redis, wanted: readonly DetailsWanted[]): Promise<number[][]> => {
  const sizes: number[][] = [];
  for (let from = 0; from < wanted.length; from += TOGETHER) {
    const some = wanted.slice(from, from + TOGETHER);
    const pipeline = redis.pipeline();
    for (const { id, names } of some) for (const name of names) pipeline.hstrlen(recordKey(id), name);
    const flat = recordReplies(await pipeline.exec()).map((size) => size ?? 0) as number[];
    for (const { names } of some) sizes.push(flat.splice(0, names.length));
  }
  return sizes;
};

/** As Runs.details; `bytes` from readDetailBytes. @throws the signal's reason; the connection's error */
export const readDetails = async (
  redis: Redis,
  wanted: readonly DetailsWanted[],
  bytes: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<(Partial<RunDetails> | null)[]> => {
  const found: (Partial<RunDetails> | null)[] = [];
  while (found.length < wanted.length) {
    signal.throwIfAborted();
    const pipeline = redis.pipeline();
    const some: DetailsWanted[] = [];
    for (let size = 0; size < TOGETHER_BYTES && some.length < TOGETHER; ) {
      const next = wanted[found.length + some.length];
      if (next === undefined) break;
      size += (bytes[found.length + some.length] ?? []).reduce((sum, length) => sum + length, 0);
      pipeline.hmget(recordKey(next.id), 'lastSeq', ...next.names);
      some.push(next);
    }
    const read = recordReplies(await pipeline.exec()) as ((string | null)[] | null)[];
    found.push(...some.map(({ names }, i) => detailsOf(names, read[i] ?? [])));
  }
  return found;
};

const detailsOf = (
  names: DetailsWanted['names'],
  [lastSeq, ...values]: (string | null)[],
): Partial<RunDetails> | null =>
  lastSeq == null ? null : Object.fromEntries(names.map((name, i) => [name, parseDetail(name, values[i] ?? null)]));

/** The replies of a pipeline. @throws the first error among them */
export const replies = (results: readonly [Error | null, unknown][] | null): unknown[] =>
  (results ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });

/**
 * The replies of a pipeline that reads records: null where the key is not a hash. An attempt can replace its own record, and
 * that must not fail the read of others. @throws the first other error
 */
export const recordReplies = (results: readonly [Error | null, unknown][] | null): unknown[] =>
  replies((results ?? []).map((result) => (result[0]?.message.startsWith('WRONGTYPE ') ? [null, null] : result)));
