/** A log's summary, from what is kept or, for logs of older versions, from its events. */
import type { RunId } from '../../domain/ids.ts';
import type { LogIndex } from '../../wire/logIndex/logIndex.ts';
import type { StoredSummary } from '../storedSummary.ts';
import type { LogReader } from '../viewer.ts';
import { type Pace, readWholeLog } from './wholeLog.ts';

export interface LogSummary extends StoredSummary {
  readonly index: LogIndex;
  /** False if the log had to be read. */
  readonly indexed: boolean;
}

/** A caller that can be charged. */
export interface SummaryCaller extends Pace {
  /** Charges it for bytes that are read for it. @throws LimitExceeded */
  charge(bytes: number): Promise<void>;
}

/** Stored bytes of a mark and of a group, roughly. */
const MARK_BYTES = 50;
const GROUP_BYTES = 100;
/** Charged for a log that is read as a whole. */
const WHOLE_LOG_BYTES = 2 * 1024 * 1024;

/** Null if there is no such run. `tables`: with marks and groups. @throws as readWholeLog; what `caller` throws */
export const logSummary = async (
  reader: LogReader,
  runId: RunId,
  tables: boolean,
  caller: SummaryCaller,
): Promise<LogSummary | null> => {
  const counts = await reader.summary(runId, false, caller.signal);
  if (counts === null) return null;
  const { marks = 0, groups = 0 } = counts.index?.state ?? {};
  const bytes = marks * MARK_BYTES + groups * GROUP_BYTES;
  if (tables && bytes > 0) await caller.charge(bytes);
  const stored = tables && bytes > 0 ? await reader.summary(runId, true, caller.signal) : counts;
  if (stored === null) return null;
  const { index } = stored;
  if (index !== null) return { ...stored, index, indexed: true };
  await caller.charge(WHOLE_LOG_BYTES);
  const whole = await readWholeLog(reader, runId, stored.lastSeq, caller);
  return { ...stored, ...whole, lastSeq: whole.index.state.seq, indexed: false };
};
