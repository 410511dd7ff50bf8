/**
 * Reads stored events. Each page is one atomic step, which also reads what explains its gaps. A page has at most
 * LIMITS.pageBytes, or one entry.
 */
import type { Redis } from 'ioredis';
import { Semaphore } from '../async/semaphore.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import { logKey, recordKey } from '../wire/keys.ts';
import { PAGE } from '../wire/scripts/readScripts.ts';
import { Script } from '../wire/scripts/script.ts';
import { untilReady } from '../wire/untilReady.ts';
import { DroppedEntry, EVENT_BYTES, StoredEntry } from './entry.ts';
import { readSummary, type StoredSummary } from './storedSummary.ts';
import type { LogPage, LogReader, PageSize } from './viewer.ts';

/** Where a run's log stands. */
export interface LogPosition {
  readonly lastSeq: Seq;
  readonly closed: boolean;
}

/** The seqs that the log's budget has dropped. */
interface DroppedRange {
  readonly first: Seq;
  readonly last: Seq;
  readonly bytes: number;
  /** Null if an older version, which did not count lines, began to drop. */
  readonly lines: number | null;
}

type StreamEntry = [id: Buffer, fields: Buffer[]];

/** Arguments of scripts/page.lua. */
interface Query {
  readonly command: 'XRANGE' | 'XREVRANGE';
  readonly from: string;
  readonly to: string;
  readonly size: PageSize;
  readonly beside?: string;
}

const page = new Script(PAGE);

interface Read {
  readonly stored: StoredEntry[];
  /** The range has no further entries. */
  readonly all: boolean;
  readonly dropped: DroppedRange | null;
  readonly lastSeq: Seq;
  readonly closed: boolean;
}

/** Pages of all runs that are read at once: the most that a Redis which does not answer can hold. */
const READS_AT_ONCE = 16;

export class RedisLogReader implements LogReader {
  readonly #redis: Redis;
  readonly #turns = new Semaphore(READS_AT_ONCE, { what: 'pages', maxWaiting: Number.POSITIVE_INFINITY });
  /** Reads of streams so far, for tests of what viewers share. */
  reads = 0;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** The positions of the logs, in one round trip; null for a run that does not exist. @throws the connection's error */
  async positions(runIds: readonly RunId[]): Promise<(LogPosition | null)[]> {
    const pipeline = this.#redis.pipeline();
    for (const runId of runIds) pipeline.hmget(recordKey(runId), 'lastSeq', 'closed');
    // One by one: an attempt can replace its own record, and that must not fail the read of others.
    return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error && !error.message.startsWith('WRONGTYPE ')) throw error;
      const [lastSeq, closed] = (reply ?? []) as (string | null)[];
      return lastSeq === null || lastSeq === undefined ? null : { lastSeq: Number(lastSeq), closed: closed === '1' };
    });
  }

  async forward(runId: RunId, after: Seq, size: PageSize, signal?: AbortSignal): Promise<LogPage | null> {
    const query: Query = { command: 'XRANGE', from: `${after + 1}-0`, to: '+', size };
    const read = await this.#inTurn(runId, query, signal);
    if (read === null) return null;
    const { stored, dropped, lastSeq, closed } = read;
    return { entries: withHoles(stored, after + 1, dropped), lastSeq, closed };
  }

  async backward(runId: RunId, before: Seq, size: PageSize, signal?: AbortSignal): Promise<LogPage | null> {
    // An entry's ID is its last seq, so the entry with the seq before - 1 has that ID or the next greater one.
    const at = `${Math.max(before - 1, 0)}-0`;
    const query: Query = { command: 'XREVRANGE', from: `(${at}`, to: '-', size, beside: at };
    const read = await this.#inTurn(runId, query, signal);
    if (read === null) return null;
    const { stored, dropped, lastSeq, closed, all } = read;
    const ordered = stored.filter((entry) => entry.firstSeq < before).sort((a, b) => a.firstSeq - b.firstSeq);
    const entries = withHoles(ordered, all ? 1 : (ordered[0]?.firstSeq ?? 1), dropped);
    const next = (entries.at(-1)?.lastSeq ?? 0) + 1;
    const last = Math.min(before - 1, lastSeq);
    if (next <= last) entries.push(droppedEntry(next, last, dropped, stored.at(-1)));
    return { entries: entries.reverse(), lastSeq, closed };
  }

  async summary(runId: RunId, tables: boolean, signal?: AbortSignal): Promise<StoredSummary | null> {
    if (signal !== undefined) await untilReady(this.#redis, signal);
    return await readSummary(this.#redis, runId, tables);
  }

  #inTurn(runId: RunId, query: Query, signal: AbortSignal | undefined): Promise<Read | null> {
    return this.#turns.run(async () => {
      if (signal !== undefined) await untilReady(this.#redis, signal);
      return await this.#read(runId, query);
    }, signal);
  }

  async #read(runId: RunId, query: Query): Promise<Read | null> {
    this.reads += 1;
    const { command, from, to, size, beside = '' } = query;
    const answer = await page.runBuffer(
      this.#redis,
      [recordKey(runId), logKey(runId)],
      [command, from, to, ...boundsOf(size), beside],
    );
    const [state, entries, all, next] = answer as [(Buffer | null)[], StreamEntry[], number, StreamEntry[]];
    const [lastSeq, closed, headSeq, dropTo, dropBytes, dropLines] = state.map((field) => field?.toString() ?? null);
    if (lastSeq === null || lastSeq === undefined) return null;
    return {
      stored: [...entries, ...next].map(([, fields]) => new StoredEntry(batchOf(fields))),
      all: all === 1,
      dropped: dropTo
        ? {
            first: Number(headSeq) + 1,
            last: Number(dropTo),
            bytes: Number(dropBytes ?? 0),
            lines: dropLines ? Number(dropLines) : null,
          }
        : null,
      lastSeq: Number(lastSeq),
      closed: closed === '1',
    };
  }
}

/** Maximal entries, maximal bytes, and bytes that an event counts. */
const boundsOf = (size: PageSize): readonly [number, number, number] =>
  typeof size === 'number' ? [size, LIMITS.pageBytes, EVENT_BYTES] : [size.entries, size.bytes, 0];

const batchOf = (fields: readonly Buffer[]): Buffer => {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1];
    if (fields[i]?.toString() === 'd' && value !== undefined) return value;
  }
  throw new Error('a log entry has no batch');
};

/** The entries in order, with a LinesDropped for each gap in the seqs from `expected` on. */
const withHoles = (
  stored: readonly StoredEntry[],
  expected: Seq,
  dropped: DroppedRange | null,
): (StoredEntry | DroppedEntry)[] => {
  const entries: (StoredEntry | DroppedEntry)[] = [];
  let next = expected;
  for (const entry of stored) {
    if (entry.firstSeq > next) entries.push(droppedEntry(next, entry.firstSeq - 1, dropped, entry));
    entries.push(entry);
    next = entry.lastSeq + 1;
  }
  return entries;
};

/** @param beside a stored neighbour: the gap gets its attempt and timestamp */
const droppedEntry = (
  firstSeq: Seq,
  lastSeq: Seq,
  dropped: DroppedRange | null,
  beside: StoredEntry | undefined,
): DroppedEntry => {
  const byBudget = dropped !== null && firstSeq >= dropped.first && lastSeq <= dropped.last;
  const whole = byBudget && firstSeq === dropped.first && lastSeq === dropped.last;
  return new DroppedEntry({
    firstSeq,
    lastSeq,
    attempt: beside?.attempt ?? 1,
    timestamp: beside?.events()[0]?.timestamp ?? 0,
    bytes: whole ? dropped.bytes : null,
    lines: whole ? dropped.lines : null,
    reason: byBudget ? 'LOG_LIMIT' : 'STORE_LOST',
  });
};
