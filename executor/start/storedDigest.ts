/** The digest covers all lines of an attempt, so an executor that takes over must include what is stored. */
import { createHash, type Hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { isCommandLine } from '../../src/domain/events.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { batchHeader, CodecError, decodeBatch } from '../../src/wire/codec.ts';
import { logKey } from '../../src/wire/keys.ts';
import { retryRedis } from '../redis/retryRedis.ts';

/** Each entry has at most LIMITS.appendBytes, compressed usually an eighth of that. */
const ENTRIES_PER_READ = 16;

/**
 * SHA-256 of the attempt's stored command lines, to be continued. Null if some are missing: the budget dropped them or
 * the store lost them. `run` is the record at the claim, from which on only this executor writes. Waits while Redis is
 * away. @throws the signal's reason
 */
export const readStoredDigest = async (redis: Redis, run: RunRecord, signal: AbortSignal): Promise<Hash | null> => {
  const hash = createHash('sha256');
  // A command starts only after RUNNING is stored.
  if (run.status !== 'RUNNING' || run.lines === 0) return hash;
  try {
    let next = 1;
    while (next <= run.lastSeq) {
      const from = `${next}-0`;
      const page = await retryRedis(
        () => redis.xrangeBuffer(logKey(run.id), from, '+', 'COUNT', ENTRIES_PER_READ),
        signal,
      );
      if (page.length === 0) return null;
      for (const [, fields] of page) {
        const batch = fields[1] ?? Buffer.alloc(0);
        const { firstSeq, lastSeq, attempt } = batchHeader(batch);
        if (attempt === run.attempt) {
          // A gap before this attempt's first entry can have held lines of this attempt too.
          if (firstSeq !== next) return null;
          updateHash(hash, batch);
        }
        next = lastSeq + 1;
      }
    }
    return hash;
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
};

const updateHash = (hash: Hash, batch: Buffer): void => {
  for (const event of decodeBatch(batch)) {
    if (event.kind === 'LogLine' && isCommandLine(event)) hash.update(`${event.message}\n`);
  }
};
