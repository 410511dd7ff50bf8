/** Stage 3: the executor reports in. It becomes the writer of the run's log, or learns that it is not wanted. */
import { type Hash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LIMITS } from '../../src/domain/limits.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { claimLog, type SealedBatch } from '../../src/wire/append.ts';
import { batchHeader } from '../../src/wire/codec.ts';
import { logKey } from '../../src/wire/keys.ts';
import { stateOf } from '../../src/wire/runRecord.ts';
import { type RedisClock, readClock } from '../redis/redisClock.ts';
import { untilDone } from '../redis/untilDone.ts';
import { hashStored } from './earlierLines.ts';
import type { Orders } from './environment.ts';

export interface Hello {
  /** The record at the claim; its `term` and `writer` are the executor's. */
  readonly run: RunRecord;
  readonly clock: RedisClock;
  /** The newest stored batches, oldest first, so that they can be put back if Redis loses them. */
  readonly stored: readonly SealedBatch[];
  /** The digest of what another executor stored of this attempt, to be gone on with; null where that is not known. */
  readonly earlier: Hash | null;
}

/** What was there before the executor: some ten small batches, or the end of an earlier attempt. */
const STORED_ENTRIES = 100;
const STORED_PAGE = 8;
const STORED_BYTES = LIMITS.appendBytes;

/**
 * Claims the log for this attempt and reads the record. Waits while Redis is away. Null where the attempt
 * is over, another one's turn, or gone: nothing may be started then. @throws the signal's reason
 */
export const sayHello = async (redis: Redis, orders: Orders, signal: AbortSignal): Promise<Hello | null> => {
  const writer = `executor:${randomUUID()}`;
  const { attempt, runId } = orders;
  const reply = await untilDone(
    () => claimLog(redis, runId, { writer, attempt, statuses: ['STARTING', 'RUNNING'] }),
    signal,
  );
  if (reply.code !== 'OK') return null;
  const clock = await readClock(redis, signal);
  const stored = await untilDone(() => readStored(redis, reply.run), signal);
  const earlier = await hashStored(redis, reply.run, signal);
  return { run: reply.run, clock, stored, earlier };
};

const readStored = async (redis: Redis, run: RunRecord): Promise<SealedBatch[]> => {
  const batches: SealedBatch[] = [];
  let before = { lines: run.lines, bytes: run.bytes };
  let bytes = 0;
  let end = '+';
  while (batches.length < STORED_ENTRIES && bytes < STORED_BYTES) {
    const page = await redis.xrevrangeBuffer(logKey(run.id), end, '-', 'COUNT', STORED_PAGE);
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
      });
      bytes += batch.length;
      end = `(${id}`;
    }
    if (page.length < STORED_PAGE) break;
  }
  return batches.reverse();
};
