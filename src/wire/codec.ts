/**
 * How a batch of events is stored and announced (PROTOCOL.md, part 3): a short header, then the body. From
 * LIMITS.compressFromBytes on, the body is one zstd frame. batchBuilder.ts writes batches, this file reads them.
 *
 *     byte 0      0x52 'R': version 1, plain body · 0x5a 'Z': version 1, zstd body
 *     byte 1      attempt; its highest bit is set if the batch ends with RunFinished
 *     bytes 2-5   first seq, unsigned, big endian
 *     bytes 6-7   number of events, unsigned, big endian
 *     bytes 8-11  of a zstd body: its length before compression, unsigned, big endian
 *
 * The body is UTF-8 text made of segments. A segment is either ONE event,
 *     j<JSON of the draft>LF
 * or a run of plain lines of one stream and one instant,
 *     o<count> <epoch ms> <n>LF, then count lines each with its LF  (STDOUT; e… for STDERR)
 * n is the number of the first line in log.txt; a record has it as member `line`. Batches of older versions lack it.
 * so a flood is copied from the pipe to the store without reading each line (docs/decisions/0002-batches-of-raw-lines.md).
 */
import { isUtf8 } from 'node:buffer';
import { zstdDecompressSync } from 'node:zlib';
import type { EventDraft, RunEvent, Seq } from '../domain/events.ts';
import { LIMITS } from '../domain/limits.ts';
import { mayLoseNumbers, parseExactJson } from '../domain/text/exactJson.ts';
import { PlainLines } from './plainLines.ts';

const PLAIN = 0x52;
const ZSTD = 0x5a;
const CLOSES = 0x80;
const HEADER_BYTES = 8;
const ZSTD_HEADER_BYTES = 12;
/**
 * Bound of decompression. A batch holds at most LIMITS.appendBytes before compression plus one event, whose JSON can be six
 * times as long as its text; more is an attack.
 */
const MAX_BODY_BYTES = 16 * LIMITS.appendBytes;
/** zlib's least chunkSize. */
const MIN_CHUNK_BYTES = 64;

/** The bytes are not a batch of this version. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

export interface BatchHeader {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly attempt: number;
  /** The batch ends with RunFinished: the end of a run is part of the sequence. */
  readonly closes: boolean;
  /** Bytes of the body before compression: roughly what the events take in memory and on the wire. */
  readonly bodyBytes: number;
}

/** Reads the header alone. @throws CodecError */
export const batchHeader = (batch: Buffer): BatchHeader => {
  const mark = batch[0];
  if (batch.length < HEADER_BYTES || (mark !== PLAIN && mark !== ZSTD)) throw new CodecError('not a batch of events');
  if (mark === ZSTD && batch.length < ZSTD_HEADER_BYTES) throw new CodecError('not a batch of events');
  const firstSeq = batch.readUInt32BE(2);
  const second = batch.readUInt8(1);
  return {
    firstSeq,
    lastSeq: firstSeq + batch.readUInt16BE(6) - 1,
    attempt: second & 0x7f,
    closes: (second & CLOSES) !== 0,
    bodyBytes: mark === ZSTD ? batch.readUInt32BE(HEADER_BYTES) : batch.length - HEADER_BYTES,
  };
};

/** The bytes of a batch: the header, then the body, or its zstd frame if there is one. */
export const joinBatch = (
  header: Pick<BatchHeader, 'firstSeq' | 'attempt' | 'closes'> & { readonly count: number },
  body: Buffer,
  zstd: Buffer | null,
): Buffer => {
  const bytes = Buffer.allocUnsafe(zstd === null ? HEADER_BYTES : ZSTD_HEADER_BYTES);
  bytes.writeUInt8(zstd === null ? PLAIN : ZSTD, 0);
  bytes.writeUInt8(header.attempt | (header.closes ? CLOSES : 0), 1);
  bytes.writeUInt32BE(header.firstSeq, 2);
  bytes.writeUInt16BE(header.count, 6);
  if (zstd !== null) bytes.writeUInt32BE(body.length, HEADER_BYTES);
  return Buffer.concat([bytes, zstd ?? body]);
};

/** The body, decompressed. @throws CodecError */
export const bodyOf = (batch: Buffer): Buffer => {
  if (batch[0] !== ZSTD) return batch.subarray(HEADER_BYTES);
  const bodyBytes = batch.readUInt32BE(HEADER_BYTES);
  if (bodyBytes > MAX_BODY_BYTES) throw new CodecError('a batch is too large');
  try {
    // One chunk with a byte to spare; without that byte zlib would allocate a second one.
    const chunkSize = Math.max(bodyBytes + 1, MIN_CHUNK_BYTES);
    const maxOutputLength = Math.max(bodyBytes, 1);
    return zstdDecompressSync(batch.subarray(ZSTD_HEADER_BYTES), { chunkSize, maxOutputLength });
  } catch (error) {
    throw new CodecError('a batch cannot be decompressed', { cause: error });
  }
};

/** A part of a stored batch: plain lines together, or one other event. */
export type BatchPart = PlainLines | RunEvent;

/** The parts of a stored batch, in seq order. @throws CodecError if the bytes are not a batch */
export const readBatch = (batch: Buffer): BatchPart[] =>
  readParts<RunEvent>(batch, bodyOf(batch), (json, place) => ({ ...parseDraft(json), ...place }));

/** Where an event is in the log of its run. */
export type EventPlace = Pick<RunEvent, 'seq' | 'attempt'>;

/** The same with its body at hand, and with what is made of the JSON of the other events. @throws CodecError */
export const readParts = <Part>(
  batch: Buffer,
  stored: Buffer,
  part: (json: string, place: EventPlace) => Part,
): (PlainLines | Part)[] => {
  const { firstSeq, lastSeq, attempt } = batchHeader(batch);
  // Plain lines are copied to viewers unread. Invalid UTF-8 would close their WebSockets.
  const body = isUtf8(stored) ? stored : Buffer.from(stored.toString());
  const lines = new LineEnds(body);
  const parts: (PlainLines | Part)[] = [];
  let seq = firstSeq;
  let at = 0;
  while (at < body.length) {
    if (seq > lastSeq) throw new CodecError(WRONG_COUNT);
    const mark = body[at];
    const end = lines.next(at);
    const head = body.toString('utf8', at + 1, end);
    at = end + 1;
    if (mark === 0x6a /* j */) {
      parts.push(part(head, { seq, attempt }));
      seq += 1;
      continue;
    }
    if (mark !== 0x6f /* o */ && mark !== 0x65 /* e */) throw new CodecError('a batch has an unknown segment');
    const [count = 0, timestamp = 0, firstLine = null] = head.split(' ').map(Number);
    // An empty segment would cost time without being counted.
    if (!Number.isInteger(count) || count < 1 || count > lastSeq + 1 - seq) throw new CodecError(WRONG_COUNT);
    const starts = [at];
    for (let left = count; left > 0; left -= 1) {
      at = lines.next(at) + 1;
      starts.push(at);
    }
    const stream = mark === 0x6f ? 'STDOUT' : 'STDERR';
    parts.push(new PlainLines({ stream, timestamp, attempt, body }, seq, starts, firstLine));
    seq += count;
  }
  if (seq !== lastSeq + 1) throw new CodecError(WRONG_COUNT);
  return parts;
};

const WRONG_COUNT = 'a batch does not have as many events as its header says';

/** An event from its JSON. Only JSON that a command printed can have numbers that JavaScript would change. */
export const parseDraft = (text: string): EventDraft => {
  const draft = JSON.parse(text) as EventDraft;
  const { kind } = draft;
  const hasJson = kind === 'LogLine' ? draft.fields != null : kind === 'OutputProduced' || kind === 'CustomEvent';
  return hasJson && mayLoseNumbers(text) ? (parseExactJson(text) as EventDraft) : draft;
};

/** Small enough for V8's young generation; a string of a whole body would be mapped and unmapped each time. */
const WINDOW_BYTES = 64 * 1024;

/** Finds line ends, one window of the text at a time. In strings this costs half of what it costs in bytes. */
class LineEnds {
  readonly #body: Buffer;
  #window = '';
  #from = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** The position of the next LF from `at` on; `at` never goes back. @throws CodecError if there is none */
  next(at: number): number {
    let found = at < this.#from ? -1 : this.#window.indexOf('\n', at - this.#from);
    while (found < 0) {
      const end = this.#from + this.#window.length;
      if (end >= this.#body.length) throw new CodecError('a batch is cut off');
      this.#from = end;
      this.#window = this.#body.toString('latin1', end, end + WINDOW_BYTES);
      found = this.#window.indexOf('\n');
    }
    return this.#from + found;
  }
}

/** The events of the parts, one by one. */
export const eventsOf = (parts: readonly BatchPart[]): RunEvent[] =>
  parts.flatMap((part) => (part instanceof PlainLines ? part.events() : part));

/** All events of a stored batch, in seq order. @throws CodecError if the bytes are not a batch */
export const decodeBatch = (batch: Buffer): RunEvent[] => eventsOf(readBatch(batch));
