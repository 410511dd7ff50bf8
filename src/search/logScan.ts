/** Reads a log in one direction and has it scanned, a few entries at a time. */
import { NotFound } from '../domain/errors.ts';
import type { EventDraft, RunEvent, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { LogQuery } from '../domain/logQuery.ts';
import type { TextRange } from '../domain/text/ansi.ts';
import { StoredEntry } from '../log/entry.ts';
import type { LogEntry, LogPage, LogReader } from '../log/viewer.ts';
import { parseDraft } from '../wire/codec.ts';
import type { FoundLine, PlainContent, ScanTask } from './scan/scanTask.ts';
import type { ScanPool } from './scanPool.ts';

/** One read: about 6 entries of a flood. Two pages of each search are in memory, compressed. */
const PAGE = { entries: 512, bytes: 4 * 1024 * 1024 } as const;
const BEYOND_ALL = 2 ** 31;

export interface ScanRequest {
  readonly runId: RunId;
  readonly query: LogQuery;
  readonly isBackward: boolean;
  /** Only lines between these seqs, both exclusive. */
  readonly after: Seq;
  readonly before: Seq;
}

export interface FoundHit {
  readonly event: Extract<RunEvent, { kind: 'LogLine' }>;
  readonly ranges: readonly TextRange[];
}

export interface ScanStep {
  /** In the order of reading. */
  readonly hits: readonly FoundHit[];
  /** The last seq that was looked at, in the order of reading. */
  readonly scannedTo: Seq;
  /** Bytes that were looked at, before compression. */
  readonly bytes: number;
  /** The run's newest seq. */
  readonly lastSeq: Seq;
  /** Nothing is left to be looked at. */
  readonly done: boolean;
  /** Nothing ever follows: this is the end of a finished run. */
  readonly isEnd: boolean;
}

export interface ScanParts {
  readonly reader: LogReader;
  readonly pool: ScanPool;
}

/**
 * The hits of a part of a log, step by step; at least one step. `room`: how many more hits are wanted, at least 1. The
 * caller ends it by leaving the loop. @throws NotFound if the run is removed meanwhile; what ScanPool.scan and the reader
 * throw; the signal's reason
 */
export async function* scanLog(
  { reader, pool }: ScanParts,
  request: ScanRequest,
  room: () => number,
  signal: AbortSignal,
): AsyncGenerator<ScanStep> {
  const read = (from: Seq): Promise<LogPage | null> => readFrom(reader, { ...request, position: from }, signal);
  let position = request.isBackward ? request.before : request.after;
  let reading = read(position);
  for (;;) {
    const page = await reading;
    if (page === null) throw new NotFound();
    const { end, isLast } = endOf(page, request, position);
    // The next read goes on while this page is scanned.
    if (!isLast) reading = quietly(read(end));
    const { lastSeq, closed } = page;
    for await (const step of scanEntries(pool, page.entries, { ...request, position, end, room })) {
      signal.throwIfAborted();
      const done = isLast && step.isWhole;
      yield { ...step, lastSeq, done, isEnd: done && closed && step.scannedTo >= lastSeq };
      if (done) return;
    }
    position = end;
  }
}

interface Part extends ScanRequest {
  /** The last seq that was looked at before. */
  readonly position: Seq;
  /** The last seq of the part. */
  readonly end: Seq;
  readonly room: () => number;
}

interface PartStep extends Pick<ScanStep, 'hits' | 'scannedTo' | 'bytes'> {
  /** The part was looked at as a whole. */
  readonly isWhole: boolean;
}

/** The hits of these entries, which are in the order of reading; at least one step. @throws what ScanPool.scan throws */
export async function* scanEntries(
  pool: ScanPool,
  entries: readonly LogEntry[],
  { end, room, ...part }: Part,
): AsyncGenerator<PartStep> {
  let bytes = entries.reduce((sum, entry) => sum + (entry instanceof StoredEntry ? entry.bodyBytes : 0), 0);
  let { position } = part;
  for (let isWhole = false; !isWhole; bytes = 0) {
    const left = entriesBeyond(entries, position, part);
    const nothing = { found: [], stoppedAt: null };
    const { found, stoppedAt } = left.length === 0 ? nothing : await pool.scan(taskOf(left, position, part, room()));
    position = stoppedAt ?? end;
    isWhole = position === end;
    yield { hits: found.map(hitOf), scannedTo: position, bytes, isWhole };
  }
}

const readFrom = (
  reader: LogReader,
  { runId, isBackward, position }: Pick<ScanRequest, 'runId' | 'isBackward'> & { readonly position: Seq },
  signal: AbortSignal,
): Promise<LogPage | null> =>
  isBackward
    ? // There is nothing before seq 1. With 2 or more the reader finds out whether there is such a run.
      reader.backward(runId, Math.min(Math.max(position, 2), BEYOND_ALL), PAGE, signal)
    : reader.forward(runId, position, PAGE, signal);

/** Its rejection is handled when it is awaited, if it ever is. */
const quietly = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => undefined);
  return promise;
};

/** The last seq of the page in the order of reading, and whether nothing follows it. */
const endOf = (
  { entries, lastSeq }: LogPage,
  { isBackward, after, before }: ScanRequest,
  position: Seq,
): { readonly end: Seq; readonly isLast: boolean } => {
  const newest = entries.at(-1);
  if (newest === undefined) return { end: position, isLast: true };
  if (isBackward) {
    const end = Math.max(newest.firstSeq, after + 1);
    return { end, isLast: end <= after + 1 };
  }
  const last = Math.min(lastSeq, before - 1);
  const end = Math.max(Math.min(newest.lastSeq, before - 1), position);
  return { end, isLast: end >= last };
};

const entriesBeyond = (
  entries: readonly LogEntry[],
  position: Seq,
  { isBackward }: Pick<ScanRequest, 'isBackward'>,
): readonly LogEntry[] =>
  entries.filter(({ firstSeq, lastSeq, isHole }) => !isHole && (isBackward ? firstSeq < position : lastSeq > position));

const taskOf = (entries: readonly LogEntry[], position: Seq, request: ScanRequest, most: number): ScanTask => {
  const { query, isBackward, after, before } = request;
  const batches = entries.flatMap((entry) => (entry instanceof StoredEntry ? [entry.batch] : []));
  // Memory of its own, which can be given to the thread: the store's answers share theirs.
  const bytes = new Uint8Array(batches.reduce((sum, { length }) => sum + length, 0));
  const ends: number[] = [];
  for (const batch of batches) {
    bytes.set(batch, ends.at(-1) ?? 0);
    ends.push((ends.at(-1) ?? 0) + batch.length);
  }
  return {
    query,
    isBackward,
    bytes,
    ends,
    most,
    ...(isBackward ? { after, before: position } : { after: position, before }),
  };
};

const hitOf = ({ seq, attempt, ranges, content }: FoundLine): FoundHit => {
  const draft = typeof content === 'string' ? parseDraft(content) : plainLine(content);
  if (draft.kind !== 'LogLine') throw new TypeError('a hit is a line');
  return { event: { ...draft, seq, attempt }, ranges };
};

const plainLine = ({ stream, timestamp, message, line }: PlainContent): EventDraft => ({
  ...{ kind: 'LogLine', level: 'INFO', stream, timestamp, message },
  ...(line === undefined ? {} : { line }),
});
