/** Reads runs by id. Pages of runs are in src/runs/api/runPages.ts. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetails, RunRecord, RunSummary } from '../../domain/run.ts';
import { fixedKey, recordKey } from '../../wire/keys.ts';
import { isFixed } from '../../wire/record/fixedFields.ts';
import {
  LABEL_MARKS,
  parseDetail,
  parseMarks,
  parseRecord,
  parseStatus,
  parseSummary,
  SUMMARY_FIELDS,
} from '../../wire/runRecord.ts';
import { type FieldsWanted, readAllFields, readFields, recordReplies } from './fields.ts';
import type { RunHead } from './runFilter.ts';
import type { DetailsWanted } from './runs.ts';

/** Runs of one round trip. Between two round trips others get their turn, here and in Redis. */
const TOGETHER = 100;
/** Stored bytes of one round trip. */
const TOGETHER_BYTES = 512 * 1024;

/** The whole record, with its large members. @throws the connection's error */
export const readRun = async (redis: Redis, id: RunId): Promise<RunRecord | null> => {
  return parseRecord(await readAllFields(redis, id), id);
};

/** @throws the connection's error */
export const readSummary = async (redis: Redis, id: RunId): Promise<RunSummary | null> =>
  (await readSummaries(redis, [id]))[0] ?? null;

/** In the order of the ids. @throws the connection's error */
export const readSummaries = async (redis: Redis, ids: readonly RunId[]): Promise<(RunSummary | null)[]> => {
  const found: (RunSummary | null)[] = [];
  for (let from = 0; from < ids.length; from += TOGETHER) {
    const some = ids.slice(from, from + TOGETHER);
    const read = await readFields(
      redis,
      some.map((id) => ({ id, names: SUMMARY_FIELDS })),
    );
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
  const labels = await readFields(
    redis,
    older.map((id) => ({ id, names: ['labels'] })),
  );
  const read = labels.map((values) => parseMarks(values?.[0] ?? null));
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

/** Larger than every detail that a run can have. What an attempt has written beyond it is read as missing. */
const MOST_DETAIL_BYTES = 1024 * 1024;

/** As Runs.detailBytes. @throws the connection's error */
export const readDetailBytes = async (redis: Redis, wanted: readonly DetailsWanted[]): Promise<number[][]> => {
  const sizes: number[][] = [];
  for (let from = 0; from < wanted.length; from += TOGETHER) {
    const some = wanted.slice(from, from + TOGETHER);
    const pipeline = redis.pipeline();
    for (const { id, names } of some) {
      for (const name of names) pipeline.hstrlen(isFixed(name) ? fixedKey(id) : recordKey(id), name);
    }
    const flat = recordReplies(await pipeline.exec()).map((size) => validSize(size)) as number[];
    for (const { names } of some) sizes.push(flat.splice(0, names.length));
  }
  await addFormer(redis, wanted, sizes);
  return sizes;
};

const validSize = (size: unknown): number => (typeof size === 'number' && size <= MOST_DETAIL_BYTES ? size : 0);

/** Adds the sizes of details that the version before has put into the record, where the run has no fixed fields. */
const addFormer = async (redis: Redis, wanted: readonly DetailsWanted[], sizes: readonly number[][]): Promise<void> => {
  const fixed = wanted.map(({ names }) => names.flatMap((name, j) => (isFixed(name) ? [j] : [])));
  const perhaps = wanted.flatMap((_, i) => (fixed[i]?.length && fixed[i].every((j) => sizes[i]?.[j] === 0) ? [i] : []));
  if (perhaps.length === 0) return;
  const pipeline = redis.pipeline();
  for (const i of perhaps) {
    const id = wanted[i]?.id as RunId;
    pipeline.exists(fixedKey(id));
    for (const j of fixed[i] ?? []) pipeline.hstrlen(recordKey(id), wanted[i]?.names[j] ?? '');
  }
  const found = recordReplies(await pipeline.exec());
  for (const i of perhaps) {
    const former = found.shift() === 0;
    for (const j of fixed[i] ?? []) {
      const size = validSize(found.shift());
      const own = sizes[i];
      if (former && own !== undefined) own[j] = size;
    }
  }
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
    const some: { readonly names: DetailsWanted['names']; readonly fields: FieldsWanted }[] = [];
    for (let size = 0; size < TOGETHER_BYTES && some.length < TOGETHER; ) {
      const next = wanted[found.length + some.length];
      if (next === undefined) break;
      const sizes = bytes[found.length + some.length] ?? [];
      size += sizes.reduce((sum, length) => sum + length, 0);
      // What has no bytes is not read.
      const names = next.names.filter((_, i) => sizes[i] !== 0);
      some.push({ names: next.names, fields: { id: next.id, names: ['lastSeq', ...names] } });
    }
    const read = await readFields(
      redis,
      some.map(({ fields }) => fields),
    );
    found.push(...some.map(({ names, fields }, i) => detailsOf(names, fields.names, read[i] ?? [])));
  }
  return found;
};

const detailsOf = (
  names: DetailsWanted['names'],
  read: readonly string[],
  values: readonly (string | null)[],
): Partial<RunDetails> | null =>
  values[0] == null
    ? null
    : Object.fromEntries(names.map((name) => [name, parseDetail(name, values[read.indexOf(name)] ?? null)]));
