/** Reads the index of a log from Redis. */
import type { Redis } from 'ioredis';
import { groupField, parseGroup } from './groups.ts';
import { type IndexState, parseState } from './indexState.ts';
import { type IndexTables, LogIndex } from './logIndex.ts';
import { markField, parseMark } from './marks.ts';

/** The tables of the hash; null if a part of them is missing, which a Redis that lost its newest writes can cause. */
export const parseTables = (state: IndexState, hash: Readonly<Record<string, string>>): IndexTables | null => {
  const marks = slots(hash, markField, state.marks);
  const groups = slots(hash, groupField, state.groups)?.map(parseGroup);
  if (marks === null || groups === undefined) return null;
  if (groups.filter(({ endSeq }) => endSeq === null).length !== state.openGroups) return null;
  return { marks: marks.map(parseMark), groups };
};

const slots = (
  hash: Readonly<Record<string, string>>,
  fieldOf: (slot: number) => string,
  count: number,
): readonly string[] | null => {
  const values = Array.from({ length: count }, (_, slot) => hash[fieldOf(slot)]);
  return values.every((value) => value !== undefined) ? values : null;
};

/** The part of a run's record that the index belongs to. */
export interface IndexOwner {
  readonly lastSeq: number;
  readonly logIndex: string;
}

/**
 * The index for a writer that has just claimed the log: nobody changes it any more. Null if an older version wrote to the
 * log; then nothing is kept. `writesLines`: the writer needs the tables even if no group is open.
 * `key`: of the hash. @throws the connection's error
 */
export const claimedIndex = async (
  redis: Redis,
  key: string,
  run: IndexOwner,
  writesLines: boolean,
): Promise<LogIndex | null> => {
  const state = parseState(run.logIndex);
  if (state === null || state.seq !== run.lastSeq) return null;
  if (state.marks === 0 && state.groups === 0) return new LogIndex(state);
  if (!writesLines && state.openGroups === 0) return new LogIndex(state, null);
  const tables = parseTables(state, await redis.hgetall(key));
  return tables === null ? null : new LogIndex(state, tables);
};
