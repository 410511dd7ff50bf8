/** What another executor stored of the same attempt, where this one takes over: the digest covers those lines too. */
import { createHash, type Hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { isCommandLine } from '../../src/domain/events.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { batchHeader, CodecError, decodeBatch } from '../../src/wire/codec.ts';
import { logKey } from '../../src/wire/keys.ts';
import { untilDone } from '../redis/untilDone.ts';

/** Entries of one read, each as large as LIMITS.appendBytes at most and usually an eighth of it. */
const PAGE = 16;

/**
 * The SHA-256 of the attempt's command lines in the log, to be gone on with; null where not all of them are there
 * any more (the budget took some, or the store lost them). `run` is the record at the claim: nobody else writes to
 * this log from then on. Waits while Redis is away. @throws the signal's reason
 */
export const hashStored = async (redis: Redis, run: RunRecord, signal: AbortSignal): Promise<Hash | null> => {
  const hash = createHash('sha256');
  // The command starts after RUNNING was stored.
  if (run.status !== 'RUNNING' || run.lines === 0) return hash;
  try {
    let next = 1;
    while (next <= run.lastSeq) {
      const from = `${next}-0`;
      const page = await untilDone(() => redis.xrangeBuffer(logKey(run.id), from, '+', 'COUNT', PAGE), signal);
      if (page.length === 0) return null;
      for (const [, fields] of page) {
        const batch = fields[1] ?? Buffer.alloc(0);
        const { firstSeq, lastSeq, attempt } = batchHeader(batch);
        if (attempt === run.attempt) {
          // It may have been this attempt's, even where it comes before all that is left of it.
          if (firstSeq !== next) return null;
          for (const event of decodeBatch(batch)) {
            if (event.kind === 'LogLine' && isCommandLine(event)) hash.update(`${event.message}\n`);
          }
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
