/**
 * Compacts the end of a log while it is written: the small entries of a quiet command become one, which zstd makes several
 * times smaller (PROTOCOL.md, W9). After the run, src/log/pack.ts packs the rest.
 */
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { BatchBuilder } from './batchBuilder.ts';
import { batchHeader, decodeBatch } from './codec.ts';
import { logKey, recordKey } from './keys.ts';
import { Script, type ScriptRedis } from './scripts/script.ts';
import { COMPACT } from './scripts/writeScripts.ts';

const compact = new Script(COMPACT);

export interface CompactRequest {
  readonly term: number;
  readonly writer: string;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** The number of entries that the batch replaces. */
  readonly entries: number;
  /** The same events as those entries, at most LIMITS.appendEvents. */
  readonly batch: Buffer;
  readonly lines: number;
  readonly messageBytes: number;
}

/** One batch with the events of stored ones, which are of one attempt, in order and without a gap. @throws CodecError */
export const mergeBatches = (
  batches: readonly Buffer[],
): Pick<CompactRequest, 'batch' | 'firstSeq' | 'lastSeq' | 'lines' | 'messageBytes'> => {
  const [first] = batches;
  if (first === undefined) throw new RangeError('there is nothing to merge');
  const { firstSeq, attempt } = batchHeader(first);
  const builder = new BatchBuilder();
  for (const event of batches.flatMap((batch) => decodeBatch(batch))) builder.addStored(event);
  const { count, lines, messageBytes } = builder;
  return { firstSeq, lastSeq: firstSeq + count - 1, lines, messageBytes, batch: builder.seal(firstSeq, attempt) };
};

/**
 * Replaces the log's newest entries by the batch. False, with nothing changed, if the log does not end with exactly these
 * entries, has another writer, or has a border of its budget among them. Safe to repeat: a second call returns false.
 * @throws as appendBatch
 */
export const compactTail = async (redis: ScriptRedis, runId: RunId, request: CompactRequest): Promise<boolean> => {
  const { term, writer, firstSeq, lastSeq, entries, batch, lines, messageBytes } = request;
  const answer = await compact.run(
    redis,
    [recordKey(runId), logKey(runId)],
    [term, writer, firstSeq, lastSeq, entries, batch, lines, messageBytes],
  );
  return answer === 1;
};
