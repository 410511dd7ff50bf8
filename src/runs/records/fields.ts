/** Reads fields of runs: what the service decided from the fixed fields, the rest from the records. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import { fixedKey, recordKey } from '../../wire/keys.ts';
import { isFixed, isSmall, parseSmall, SMALL_FIELDS, wholeFields } from '../../wire/record/fixedFields.ts';

type Values = readonly (string | null)[];

export interface FieldsWanted {
  readonly id: RunId;
  readonly names: readonly string[];
}

/** Where the values of some fields are. */
interface Places {
  /** In the record. */
  readonly changing: readonly string[];
  /** In the hash of the fixed fields; empty if none is asked for. */
  readonly fixed: readonly string[];
}

const placesOf = (names: readonly string[]): Places => {
  const fixed = names.filter(isFixed);
  return {
    changing: names.filter((name) => !isFixed(name)),
    fixed: fixed.length === 0 ? [] : [SMALL_FIELDS, ...fixed.filter((name) => !isSmall(name))],
  };
};

/** For most reads all runs have the same names, in the same array. */
const eachPlaces = (wanted: readonly FieldsWanted[]): readonly Places[] => {
  const known = new Map<readonly string[], Places>();
  return wanted.map(({ names }) => {
    const places = known.get(names) ?? placesOf(names);
    known.set(names, places);
    return places;
  });
};

/**
 * The values of the fields, in the order of the runs and their names; null where the record is not a hash. One round trip,
 * and a second one for runs that the version before made. @throws the connection's error
 */
export const readFields = async (redis: Redis, wanted: readonly FieldsWanted[]): Promise<(Values | null)[]> => {
  if (wanted.length === 0) return [];
  const places = eachPlaces(wanted);
  const pipeline = redis.pipeline();
  for (const [i, { id }] of wanted.entries()) {
    const { changing = [], fixed = [] } = places[i] ?? {};
    if (changing.length > 0) pipeline.hmget(recordKey(id), ...changing);
    if (fixed.length > 0) pipeline.hmget(fixedKey(id), ...fixed);
  }
  const answers = recordReplies(await pipeline.exec()) as (Values | null)[];
  let next = 0;
  const answer = (asked: readonly string[]): Values | null => (asked.length === 0 ? [] : (answers[next++] ?? null));
  const read = places.map(({ changing, fixed }) => ({ changing: answer(changing), fixed: answer(fixed) }));
  const former = wanted.filter((_, i) => places[i]?.fixed.length !== 0 && read[i]?.fixed?.[0] == null);
  const copies = former.length === 0 ? null : await readCopies(redis, former);
  return wanted.map(({ id, names }, i) => {
    const { changing = null, fixed = null } = read[i] ?? {};
    return copies?.get(id) ?? (changing && inOrder(names, changing, fixed));
  });
};

/** Runs without a hash of their own have all in their record. */
const readCopies = async (
  redis: Redis,
  wanted: readonly FieldsWanted[],
): Promise<ReadonlyMap<RunId, Values | null>> => {
  const pipeline = redis.pipeline();
  for (const { id, names } of wanted) pipeline.hmget(recordKey(id), ...names);
  const answers = recordReplies(await pipeline.exec()) as (Values | null)[];
  return new Map(wanted.map(({ id }, i) => [id, answers[i] ?? null]));
};

const inOrder = (names: readonly string[], changing: Values, fixed: Values | null): Values => {
  const [text, ...others] = fixed ?? [];
  const small = text ? parseSmall(text) : {};
  let [nextChanging, nextOther] = [0, 0];
  return names.map((name) => {
    if (isSmall(name)) return small[name] ?? null;
    return (isFixed(name) ? others[nextOther++] : changing[nextChanging++]) ?? null;
  });
};

/** All fields of a run; none where there is no run. @throws the connection's error */
export const readAllFields = async (redis: Redis, id: RunId): Promise<Readonly<Record<string, string>>> => {
  const pipeline = redis.pipeline().hgetall(recordKey(id)).hgetall(fixedKey(id));
  const [record, fixed] = recordReplies(await pipeline.exec()) as (Record<string, string> | null)[];
  return wholeFields(record ?? {}, fixed ?? {});
};

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
