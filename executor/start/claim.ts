/** Claims the run's log for this executor and reads what is stored. */
import { type Hash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LIMITS } from '../../src/domain/limits.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { claimLog, type SealedBatch } from '../../src/wire/append.ts';
import { batchHeader } from '../../src/wire/codec.ts';
import { indexKey, logKey } from '../../src/wire/keys.ts';
import type { LogIndex } from '../../src/wire/logIndex/logIndex.ts';
import { claimedIndex } from '../../src/wire/logIndex/readIndex.ts';
import { stateOf } from '../../src/wire/runRecord.ts';
import { type RedisClock, readClock } from '../redis/redisClock.ts';
import { retryRedis } from '../redis/retryRedis.ts';
import type { Orders } from './environment.ts';
import { readStoredDigest } from './storedDigest.ts';

export interface Claim {
  /** The record at the claim. Its `term` and `writer` are this executor's. */
  readonly run: RunRecord;
  readonly clock: RedisClock;
  /** The newest stored batches, oldest first. They are stored again if Redis loses them. */
  readonly stored: readonly SealedBatch[];
  /** Digest of the lines that an earlier executor of this attempt stored, to be continued. Null if it is not known. */
  readonly digest: Hash | null;
  /** Of the log; null if an older version wrote to it. */
  readonly index: LogIndex | null;
}

/** Bounds of Claim.stored: usually about ten small batches, or the end of an earlier attempt. */
const MAX_STORED_ENTRIES = 100;
const MAX_STORED_BYTES = LIMITS.appendBytes;
const ENTRIES_PER_READ = 8;

/**
 * Claims the log for this attempt. Waits while Redis is away. Null if nothing may be started: the attempt is over, it
 * is another attempt's turn, or the run is gone. @throws the signal's reason
 */
export const claimAttempt = async (redis: Redis, orders: Orders, signal: AbortSignal): Promise<Claim | null> => {
  const writer = `executor:${randomUUID()}`;
  const { attempt, runId, engine } = orders;
  const reply = await retryRedis(
    () => claimLog(redis, runId, { writer, attempt, statuses: ['STARTING', 'RUNNING'], engine }),
    signal,
  );
  if (reply.code !== 'OK') return null;
  const clock = await readClock(redis, signal);
  const stored = await retryRedis(() => readNewestBatches(redis, reply.run), signal);
  const digest = await readStoredDigest(redis, reply.run, signal);
  const index = await retryRedis(() => claimedIndex(redis, indexKey(runId), reply.run, true), signal);
  return { run: reply.run, clock, stored, digest, index };
};

/** Oldest first. The newest one carries the record's state, so that storing it again restores that too. */
const readNewestBatches = async (redis: Redis, run: RunRecord): Promise<SealedBatch[]> => {
  const batches: SealedBatch[] = [];
  let before = { lines: run.lines, bytes: run.bytes };
  let bytes = 0;
  let end = '+';
  while (batches.length < MAX_STORED_ENTRIES && bytes < MAX_STORED_BYTES) {
    const page = await redis.xrevrangeBuffer(logKey(run.id), end, '-', 'COUNT', ENTRIES_PER_READ);
    for (const [id, fields] of page) {
      const [, batch = Buffer.alloc(0), , lines, , messageBytes] = fields;
      const { firstSeq, lastSeq } = batchHeader(batch);
      before = { lines: before.lines - Number(lines), bytes: before.bytes - Number(messageBytes) };
      batches.push({
        firstSeq,
        count: lastSeq - firstSeq + 1,
        batch,
        lines: Number(lines),
        messageBytes: Number(messageBytes),
        before,
        closes: false,
        changes: batches.length === 0 ? stateOf(run) : {},
        index: batches.length === 0 && run.logIndex !== '' ? { state: run.logIndex, fields: [] } : undefined,
      });
      bytes += batch.length;
      end = `(${id}`;
    }
    if (page.length < ENTRIES_PER_READ) break;
  }
  return batches.reverse();
};
