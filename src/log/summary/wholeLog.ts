/** Computes the index of a log that has none, by reading all of it. */
import { Semaphore } from '../../async/semaphore.ts';
import { NewestMap } from '../../collections/newestMap.ts';
import { NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import { BatchFacts } from '../../wire/logIndex/batchFacts.ts';
import { LogIndex } from '../../wire/logIndex/logIndex.ts';
import { PlainLines } from '../../wire/plainLines.ts';
import type { MissingEvents, StoredSummary } from '../storedSummary.ts';
import type { LogEntry, LogReader } from '../viewer.ts';

/** Entries of one read, each of at most LIMITS.appendBytes. */
const READ_ENTRIES = 4;
/** Logs that are read as a whole at once. A log can have MAX_LOG_BYTES, and takes a core for seconds. */
const readings = new Semaphore(1, { what: 'logs without an index' });
/** Results that are kept, of about 1 MiB at most; the oldest go first. */
const MOST_KEPT = 8;
const kept = new NewestMap<RunId, WholeLog>(MOST_KEPT);

type WholeLog = Pick<StoredSummary, 'missing'> & { readonly index: LogIndex };

/** Pauses a long computation, and ends it when its caller has left. */
export interface Pace {
  readonly signal: AbortSignal;
  /** To be awaited between steps. @throws if the caller has left */
  goOn(): Promise<void>;
}

/**
 * The index up to `lastSeq` as the stored events show it, and what is missing. @throws NotFound if the run is removed
 * meanwhile; what `reader` and `pace` throw; Busy if too many logs wait to be read
 */
export const readWholeLog = (reader: LogReader, runId: RunId, lastSeq: number, pace: Pace): Promise<WholeLog> =>
  readings.run(async () => {
    const known = kept.get(runId);
    if (known?.index.state.seq === lastSeq) return known;
    const log = await readEntries(reader, runId, lastSeq, pace);
    kept.set(runId, log);
    return log;
  }, pace.signal);

const readEntries = async (reader: LogReader, runId: RunId, lastSeq: number, pace: Pace): Promise<WholeLog> => {
  const index = new LogIndex();
  const missing: MissingEvents[] = [];
  for (let next = 1; next <= lastSeq; ) {
    const page = await reader.forward(runId, next - 1, READ_ENTRIES, pace.signal);
    if (page === null) throw new NotFound();
    if (page.entries.length === 0) break;
    for (const entry of page.entries) {
      for (const event of entry.isHole ? entry.events() : []) {
        if (event.kind !== 'LinesDropped') continue;
        const { fromSeq, seq, droppedLines: lines, reason } = event;
        missing.push({ fromSeq, seq, lines, reason });
      }
      if (!entry.isHole) addEntry(index, entry);
      next = entry.lastSeq + 1;
      await pace.goOn();
    }
  }
  return { index, missing };
};

const addEntry = (index: LogIndex, entry: LogEntry): void => {
  const facts = new BatchFacts();
  let [offset, attempt] = [0, 1];
  for (const part of entry.parts()) {
    if (part instanceof PlainLines) {
      facts.addLines(part.timestamp, part.count);
      attempt = part.attempt;
      offset += part.count;
    } else {
      facts.add(part, offset);
      attempt = part.attempt;
      offset += 1;
    }
  }
  index.add({ firstSeq: entry.firstSeq, count: entry.lastSeq - entry.firstSeq + 1, attempt, facts });
};
