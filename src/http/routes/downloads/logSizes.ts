/**
 * How many bytes the log.txt of a finished run has, and where to begin to read for an offset. The store does not know it:
 * the log is read once, as for a download, and the result is kept. A finished log does not change any more.
 */
import { Semaphore } from '../../../async/semaphore.ts';
import { NewestMap } from '../../../collections/newestMap.ts';
import type { Seq } from '../../../domain/events.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { TextPiece } from './logPieces.ts';

/** The text after this seq begins at this offset. */
export interface Mark {
  readonly after: Seq;
  readonly offset: number;
}

export interface LogSize {
  readonly bytes: number;
  /** In order, at least one. */
  readonly marks: readonly Mark[];
}

/** Logs that are remembered, at most; the one that was measured first is forgotten first. */
const MAX_LOGS = 100;
/** Marks of one log, at most: beyond that every second one is dropped. */
const MAX_MARKS = 512;
/** Bytes between two marks, at least: what is read in vain for a range. */
const MARK_BYTES = 1024 * 1024;

/** Logs that are measured at once. */
const measuring = new Semaphore(2, { what: 'byte ranges' });

export class LogSizes {
  readonly #known = new NewestMap<RunId, LogSize>(MAX_LOGS);

  /** @param text the whole text; read only if the size is not known. @throws what reading throws; the signal's reason; Busy */
  async of(runId: RunId, text: AsyncIterable<TextPiece>, signal: AbortSignal): Promise<LogSize> {
    return await measuring.run(async () => {
      const known = this.#known.get(runId);
      if (known !== undefined) return known;
      const size = await measure(text);
      this.#known.set(runId, size);
      return size;
    }, signal);
  }
}

const measure = async (text: AsyncIterable<TextPiece>): Promise<LogSize> => {
  let marks: Mark[] = [{ after: 0, offset: 0 }];
  let distance = MARK_BYTES;
  let bytes = 0;
  for await (const piece of text) {
    bytes += piece.text.length;
    if (bytes - (marks.at(-1)?.offset ?? 0) < distance) continue;
    marks.push({ after: piece.lastSeq, offset: bytes });
    if (marks.length <= MAX_MARKS) continue;
    marks = marks.filter((_, index) => index % 2 === 0);
    distance *= 2;
  }
  return { bytes, marks };
};

/** The last mark at or before the offset. */
export const markBefore = ({ marks }: LogSize, offset: number): Mark =>
  marks.findLast((mark) => mark.offset <= offset) ?? { after: 0, offset: 0 };
