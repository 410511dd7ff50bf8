/** Reads a log page by page and makes its text, as fast as it is consumed. */
import { Work } from '../../../async/workTurn.ts';
import { NotFound } from '../../../domain/errors.ts';
import type { Seq } from '../../../domain/events.ts';
import type { LogReader } from '../../../log/viewer.ts';
import type { ByteRange } from './byteRange.ts';
import { entryText, type SeqRange, type TextForm } from './logText.ts';

/** Entries of one read: what a download holds in memory. An entry is at most LIMITS.appendBytes. */
const READ_ENTRIES = 8;

export interface TextPiece {
  readonly text: Buffer;
  /** Seq of the last event of its entry. */
  readonly lastSeq: Seq;
  /** Bytes of the page that it belongs to, in memory. */
  readonly held: number;
}

export interface TextSource {
  readonly reader: LogReader;
  /** Address of the client: its turns are used. */
  readonly client: string;
  readonly signal: AbortSignal;
}

/** The text of each entry in the range that has any. @throws NotFound if the run is removed meanwhile; the signal's reason */
export async function* textPieces(source: TextSource, range: SeqRange, form: TextForm): AsyncGenerator<TextPiece> {
  const { reader, signal } = source;
  const work = new Work(source.client);
  for (let after = range.after; after < range.end; ) {
    const page = await reader.forward(form.runId, after, READ_ENTRIES);
    if (page === null) throw new NotFound();
    const held = page.entries.reduce((sum, { size }) => sum + size, 0);
    for (const entry of page.entries) {
      const turn = work.step();
      if (turn !== null) await turn;
      signal.throwIfAborted();
      const text = entryText(entry, { after, end: range.end }, form);
      if (text.length > 0) yield { text, lastSeq: entry.lastSeq, held };
    }
    after = page.entries.at(-1)?.lastSeq ?? range.end;
  }
}

/** The bytes of the range. @param offset of the first byte of the pieces; @throws Error if the pieces end before the range */
export async function* cutPieces(
  pieces: AsyncIterable<TextPiece>,
  { first, last }: ByteRange,
  offset: number,
): AsyncGenerator<TextPiece> {
  let at = offset;
  for await (const piece of pieces) {
    const text = piece.text.subarray(Math.max(first - at, 0), last + 1 - at);
    at += piece.text.length;
    if (text.length > 0) yield { ...piece, text };
    if (at > last) return;
  }
  throw new Error('the log is shorter than it was measured');
}
