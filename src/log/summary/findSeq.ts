/** Finds places of a log by its marks, and reads only what is between two of them. */
import { type EpochMs, isCommandLine, type Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { BatchPart } from '../../wire/codec.ts';
import { FIRST_MARK, type Mark } from '../../wire/logIndex/marks.ts';
import { PlainLines } from '../../wire/plainLines.ts';
import type { LogEntry, LogReader } from '../viewer.ts';
import type { LogSummary } from './logSummary.ts';
import type { Pace } from './wholeLog.ts';

const READ_ENTRIES = 2;

export interface Search {
  readonly reader: LogReader;
  readonly runId: RunId;
  readonly log: LogSummary;
  readonly pace: Pace;
}

/** seq of the first event at or after the instant, or of the LinesDropped in its place; null if there is none. */
export const seqAtTime = async (search: Search, time: EpochMs): Promise<Seq | null> => {
  const { index } = search.log;
  if (time > index.state.maxAt) return null;
  const { seq } = lastMark(index.marks, ({ maxAt }) => maxAt < time);
  // The event is before this one. If none of those in the log is it, it was in a LinesDropped there.
  const end = index.marks.find((mark) => mark.seq > seq)?.seq ?? Number.POSITIVE_INFINITY;
  let hole: Seq | null = null;
  const found = await scan(search, seq, (part, from) => {
    const first = firstSeqOf(part, from);
    if (hole !== null && first >= end) return hole;
    if (part.timestamp >= time) return part instanceof PlainLines ? first : part.seq;
    if (!(part instanceof PlainLines) && part.kind === 'LinesDropped' && first < end) hole ??= part.seq;
    return null;
  });
  return found ?? hole;
};

const firstSeqOf = (part: BatchPart, from: Seq): Seq => {
  if (part instanceof PlainLines) return Math.max(part.firstSeq, from);
  return part.kind === 'LinesDropped' ? Math.max(part.fromSeq, from) : part.seq;
};

/** seq of this line of log.txt, or of the LinesDropped in its place; null if there is none. */
export const seqAtLine = async (search: Search, line: number): Promise<Seq | null> => {
  const { index } = search.log;
  if (line > index.state.commandLines) return null;
  const mark = lastMark(index.marks, ({ commandLines }) => commandLines < line);
  let next = mark.commandLines + 1;
  let hole: Seq | null = null;
  const found = await scan(search, mark.seq, (part, from) => {
    if (part instanceof PlainLines) {
      const lines = part.between(from - 1, part.lastSeq);
      if (lines === null) return null;
      const first = lines.firstLine ?? next;
      next = first + lines.count;
      if (line < first) return hole ?? lines.firstSeq;
      return line < next ? lines.firstSeq + line - first : null;
    }
    if (part.seq < from) return null;
    if (part.kind === 'LinesDropped') hole = part.seq;
    if (part.kind !== 'LogLine' || !isCommandLine(part)) return null;
    const number = part.line ?? next;
    next = number + 1;
    if (line < number) return hole ?? part.seq;
    return line === number ? part.seq : null;
  });
  return found ?? hole;
};

const lastMark = (marks: readonly Mark[], isBefore: (mark: Mark) => boolean): Mark => {
  let [low, high] = [0, marks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const mark = marks[middle];
    if (mark !== undefined && isBefore(mark)) low = middle + 1;
    else high = middle;
  }
  return marks[low - 1] ?? FIRST_MARK;
};

/** Calls `look` with the parts of entries from the seq on, until it returns a seq. A part can begin before `from`. */
const scan = async (
  { reader, runId, pace, log }: Search,
  from: Seq,
  look: (part: BatchPart, from: Seq) => Seq | null,
): Promise<Seq | null> => {
  for (let next = from; next <= log.lastSeq; ) {
    const page = await reader.forward(runId, next - 1, READ_ENTRIES, pace.signal);
    if (page === null || page.entries.length === 0) return null;
    for (const entry of page.entries) {
      const found = inEntry(entry, next, look);
      if (found !== null) return found;
      next = entry.lastSeq + 1;
      await pace.goOn();
    }
  }
  return null;
};

const inEntry = (entry: LogEntry, from: Seq, look: (part: BatchPart, from: Seq) => Seq | null): Seq | null => {
  for (const part of entry.parts()) {
    if (part instanceof PlainLines ? part.lastSeq < from : part.seq < from) continue;
    const found = look(part, from);
    if (found !== null) return found;
  }
  return null;
};
