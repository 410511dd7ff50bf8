/**
 * Compacts the end of a log that is being written: the small entries of a quiet command are put together into one,
 * which zstd makes several times smaller (PROTOCOL.md, W9). What is left of them is done by pack.ts after the run.
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
  /** Of how many entries the batch takes the place. */
  readonly entries: number;
  /** The same events as those entries hold, at most LIMITS.appendEvents. */
  readonly batch: Buffer;
  readonly lines: number;
  readonly messageBytes: number;
}

/** One batch of the same events. `batches`: stored ones of one attempt, in order and without a hole. @throws CodecError */
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
 * Puts the batch in the place of the log's newest entries. False, with nothing changed, where the log does not end with
 * exactly these, is another writer's, or has a border of its budget among them; also where it is done already,
 * so a repeated call does no harm. @throws as appendBatch
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
