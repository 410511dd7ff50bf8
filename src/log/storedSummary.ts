/** What is kept about a log beside its entries, read in one atomic step. */
import type { Redis } from 'ioredis';
import type { DropReason, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { indexKey, recordKey } from '../wire/keys.ts';
import { type IndexState, parseState } from '../wire/logIndex/indexState.ts';
import { LogIndex } from '../wire/logIndex/logIndex.ts';
import { parseTables } from '../wire/logIndex/readIndex.ts';

/** Seqs that are missing in the store. */
export interface MissingEvents {
  readonly fromSeq: Seq;
  readonly seq: Seq;
  /** Lines among them; null if they were not counted. */
  readonly lines: number | null;
  readonly reason: DropReason;
}

export interface StoredSummary {
  readonly lastSeq: Seq;
  /** Over all attempts, with lines that are dropped or lost. */
  readonly lines: number;
  readonly bytes: number;
  readonly missing: readonly MissingEvents[];
  /** Null if an older version wrote to the log, or if Redis lost a part of the index. */
  readonly index: LogIndex | null;
}

const FIELDS = ['lastSeq', 'lines', 'bytes', 'logIndex', 'headSeq', 'dropTo', 'dropLines', 'holes'] as const;

/** Null if there is no such run. `tables`: with marks and groups. @throws the connection's error */
export const readSummary = async (redis: Redis, runId: RunId, tables: boolean): Promise<StoredSummary | null> => {
  const steps = redis.multi().hmget(recordKey(runId), ...FIELDS);
  if (tables) steps.hgetall(indexKey(runId));
  const [values, hash] = ((await steps.exec()) ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  }) as [(string | null)[], Readonly<Record<string, string>>?];
  const [lastSeq, lines, bytes, logIndex, ...dropped] = values ?? [];
  if (!lastSeq) return null;
  const state = parseState(logIndex);
  return {
    lastSeq: Number(lastSeq),
    lines: Number(lines ?? 0),
    bytes: Number(bytes ?? 0),
    missing: missingIn(dropped),
    index: state === null || state.seq !== Number(lastSeq) ? null : indexOf(state, hash ?? null),
  };
};

const indexOf = (state: IndexState, hash: Readonly<Record<string, string>> | null): LogIndex | null => {
  if (hash === null) return new LogIndex(state, null);
  const tables = parseTables(state, hash);
  return tables && new LogIndex(state, tables);
};

const missingIn = ([headSeq, dropTo, dropLines, holes]: readonly (string | null)[]): readonly MissingEvents[] => {
  const lost = (holes ?? '')
    .split(';')
    .filter((hole) => hole !== '')
    .map((hole): MissingEvents => {
      const [fromSeq = 0, seq = 0, lines = 0] = hole.split(',').map(Number);
      return { fromSeq, seq, lines, reason: 'STORE_LOST' };
    });
  if (!dropTo || !headSeq) return lost;
  const fromSeq = Number(headSeq) + 1;
  const seq = Number(dropTo);
  const lines = dropLines ? Number(dropLines) : null;
  // The log was trimmed over these holes.
  const apart = lost.filter((hole) => hole.seq < fromSeq || hole.fromSeq > seq);
  const all: readonly MissingEvents[] = [...apart, { fromSeq, seq, lines, reason: 'LOG_LIMIT' }];
  return all.toSorted((a, b) => a.fromSeq - b.fromSeq);
};
