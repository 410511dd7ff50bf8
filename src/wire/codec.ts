/**
 * How a batch of events is stored and announced (PROTOCOL.md, part 3): a short header, then the
 * body, which from LIMITS.compressFromBytes on is one zstd frame.
 *
 *     byte 0      0x52 'R': version 1, plain body · 0x5a 'Z': version 1, zstd body
 *     byte 1      attempt; its highest bit is set where the batch ends with RunFinished
 *     bytes 2-5   first seq, unsigned, big endian
 *     bytes 6-7   number of events, unsigned, big endian
 *     bytes 8-11  of a zstd body: its length before compression, unsigned, big endian
 *
 * The body is UTF-8 text made of segments. A segment is either ONE event,
 *     j<JSON of the draft>LF
 * or a run of plain lines of one stream and one instant,
 *     o<count> <epoch ms>LF, then count lines each with its LF      (STDOUT; e… for STDERR)
 * so that a flood is copied from the pipe to the store without a look at each line, and costs a
 * third of JSON objects to read back.
 */
import { isUtf8 } from 'node:buffer';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { EpochMs, EventDraft, LogLineDraft, RunEvent, Seq } from '../domain/events.ts';
import { LIMITS } from '../domain/limits.ts';
import { mayLoseNumbers, parseExactJson } from '../domain/text/exactJson.ts';
import { PlainLines } from './plainLines.ts';

const PLAIN = 0x52;
const ZSTD = 0x5a;
const CLOSES = 0x80;
const HEADER_BYTES = 8;
const ZSTD_HEADER_BYTES = 12;
/** A batch holds at most LIMITS.appendBytes before compression plus one event; more is a bomb. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Of zlib. */
const MIN_CHUNK_BYTES = 64;
/** Bodies up to this size are put together in one lasting piece of memory. */
const SCRATCH_BYTES = 2 * LIMITS.appendBytes;

/** Bytes that are not a batch of this version. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

export interface BatchHeader {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly attempt: number;
  /** The batch ends with RunFinished, so the end of a run is seen in the sequence itself. */
  readonly closes: boolean;
  /** Bytes of the body before compression: about what the events are in memory and on the wire. */
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

/** Collects events until they are sealed as one batch. Not bounded by itself: its owner asks `count` and `size`. */
export class BatchBuilder {
  #parts: Buffer[] = [];
  #segment: { mark: 'o' | 'e'; at: EpochMs; count: number; parts: Buffer[] } | null = null;
  #size = 0;
  #count = 0;
  #lines = 0;
  #messageBytes = 0;
  #closes = false;

  get count(): number {
    return this.#count;
  }
  /** Bytes of the body so far, about. */
  get size(): number {
    return this.#size;
  }
  /** LogLine events, SYSTEM included. */
  get lines(): number {
    return this.#lines;
  }
  /** UTF-8 bytes of their messages. */
  get messageBytes(): number {
    return this.#messageBytes;
  }

  /** Plain lines as OutputSink.lines has them: `text` holds `count` lines, each with its LF; it is kept, not copied. */
  addLines(stream: 'STDOUT' | 'STDERR', at: EpochMs, text: Buffer, count: number): void {
    const mark = stream === 'STDOUT' ? 'o' : 'e';
    let segment = this.#segment;
    if (segment === null || segment.mark !== mark || segment.at !== at) {
      this.#closeSegment();
      segment = { mark, at, count: 0, parts: [] };
      this.#segment = segment;
      this.#size += 20;
    }
    segment.parts.push(text);
    segment.count += count;
    this.#size += text.length;
    this.#count += count;
    this.#lines += count;
    this.#messageBytes += text.length - count;
  }

  add(draft: EventDraft): void {
    if (isPlain(draft)) {
      this.addLines(draft.stream, draft.timestamp, Buffer.from(`${draft.message}\n`), 1);
      return;
    }
    this.#closeSegment();
    const json = Buffer.from(`j${JSON.stringify(draft)}\n`);
    this.#parts.push(json);
    this.#size += json.length;
    this.#count += 1;
    if (draft.kind === 'RunFinished') this.#closes = true;
    if (draft.kind === 'LogLine') {
      this.#lines += 1;
      this.#messageBytes += Buffer.byteLength(draft.message);
    }
  }

  /** An event that is stored already, for a batch in which it keeps its place. */
  addStored(event: RunEvent): void {
    const { seq: _seq, attempt: _attempt, ...draft } = event;
    this.add(draft);
  }

  /** The batch as it is stored. The builder must hold at least one event and is done with afterwards. */
  seal(firstSeq: Seq, attempt: number): Buffer {
    this.#closeSegment();
    const body = joined(this.#parts);
    const compress = body.length >= LIMITS.compressFromBytes;
    const packed = compress ? zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) : body;
    const smaller = packed.length < body.length;
    const header = Buffer.allocUnsafe(smaller ? ZSTD_HEADER_BYTES : HEADER_BYTES);
    if (smaller) header.writeUInt32BE(body.length, HEADER_BYTES);
    header.writeUInt8(smaller ? ZSTD : PLAIN, 0);
    header.writeUInt8(attempt | (this.#closes ? CLOSES : 0), 1);
    header.writeUInt32BE(firstSeq, 2);
    header.writeUInt16BE(this.#count, 6);
    return Buffer.concat([header, smaller ? packed : body]);
  }

  #closeSegment(): void {
    const segment = this.#segment;
    if (segment === null) return;
    this.#parts.push(Buffer.from(`${segment.mark}${segment.count} ${segment.at}\n`), ...segment.parts);
    this.#segment = null;
  }
}

/** Whether a line is one that a segment of plain lines can hold. */
const isPlain = (draft: EventDraft): draft is LogLineDraft & { readonly stream: 'STDOUT' | 'STDERR' } =>
  draft.kind === 'LogLine' &&
  (draft.stream === 'STDOUT' || draft.stream === 'STDERR') &&
  draft.level === 'INFO' &&
  !draft.truncated &&
  !draft.logger &&
  !draft.fields &&
  !draft.exception &&
  !draft.message.includes('\n') &&
  draft.message.isWellFormed();

/** Memory for bodies that are being sealed: a flood would leave a new one behind for each batch. */
let scratch = Buffer.alloc(0);

/** The parts in one piece, valid until the next call. */
const joined = (parts: readonly Buffer[]): Buffer => {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > SCRATCH_BYTES) return Buffer.concat(parts);
  if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(Math.min(2 * length, SCRATCH_BYTES));
  let at = 0;
  for (const part of parts) at += part.copy(scratch, at);
  return scratch.subarray(0, length);
};

/** One batch of drafts, for writers of few events. */
export const encodeBatch = (drafts: readonly EventDraft[], firstSeq: Seq, attempt: number): Buffer => {
  const builder = new BatchBuilder();
  for (const draft of drafts) builder.add(draft);
  return builder.seal(firstSeq, attempt);
};

const bodyOf = (batch: Buffer): Buffer => {
  if (batch[0] !== ZSTD) return batch.subarray(HEADER_BYTES);
  try {
    // In one piece, with a byte to spare, or zlib would make room for a second one.
    const chunkSize = Math.min(Math.max(batch.readUInt32BE(HEADER_BYTES) + 1, MIN_CHUNK_BYTES), MAX_BODY_BYTES);
    const maxOutputLength = MAX_BODY_BYTES;
    return zstdDecompressSync(batch.subarray(ZSTD_HEADER_BYTES), { chunkSize, maxOutputLength });
  } catch (error) {
    throw new CodecError('a batch cannot be decompressed', { cause: error });
  }
};

/** What a stored batch holds, in seq order: plain lines together, other events one by one. */
export type BatchPart = PlainLines | RunEvent;

/** @throws CodecError where the bytes are no batch. */
export const readBatch = (batch: Buffer): BatchPart[] => {
  const { firstSeq, lastSeq, attempt } = batchHeader(batch);
  const stored = bodyOf(batch);
  // What is copied to viewers without a look at it must be UTF-8, or they would lose their socket.
  const body = isUtf8(stored) ? stored : Buffer.from(stored.toString());
  const lines = new LineEnds(body);
  const parts: BatchPart[] = [];
  let seq = firstSeq;
  let at = 0;
  while (at < body.length) {
    const mark = body[at];
    const end = lines.next(at);
    const head = body.toString('utf8', at + 1, end);
    at = end + 1;
    if (mark === 0x6a /* j */) {
      parts.push({ ...parseDraft(head), seq, attempt });
      seq += 1;
      continue;
    }
    if (mark !== 0x6f /* o */ && mark !== 0x65 /* e */) throw new CodecError('a batch has an unknown segment');
    const [count = 0, timestamp = 0] = head.split(' ').map(Number);
    const starts = [at];
    for (let left = count; left > 0; left -= 1) {
      at = lines.next(at) + 1;
      starts.push(at);
    }
    const stream = mark === 0x6f ? 'STDOUT' : 'STDERR';
    if (count > 0) parts.push(new PlainLines({ stream, timestamp, attempt, body }, seq, starts));
    seq += count;
  }
  if (seq !== lastSeq + 1) throw new CodecError('a batch does not hold what its header says');
  return parts;
};

/** Only what a command printed as JSON has numbers that JavaScript could change. */
const parseDraft = (text: string): EventDraft => {
  const draft = JSON.parse(text) as EventDraft;
  const { kind } = draft;
  const hasJson = kind === 'LogLine' ? draft.fields != null : kind === 'OutputProduced' || kind === 'CustomEvent';
  return hasJson && mayLoseNumbers(text) ? (parseExactJson(text) as EventDraft) : draft;
};

/** Small enough for V8's young generation: a string of a whole body would be mapped and unmapped each time. */
const WINDOW_BYTES = 64 * 1024;

/** Finds line ends in a text of which it looks at a window at a time: in strings that costs half of what it does in bytes. */
class LineEnds {
  readonly #body: Buffer;
  #window = '';
  #from = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  /** Where the next LF is from `at` on, which never goes back. @throws CodecError where there is none */
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

/** The part's events, one by one. */
export const eventsOf = (parts: readonly BatchPart[]): RunEvent[] =>
  parts.flatMap((part) => (part instanceof PlainLines ? part.events() : part));

/** All events of a stored batch, in seq order. @throws CodecError where the bytes are no batch. */
export const decodeBatch = (batch: Buffer): RunEvent[] => eventsOf(readBatch(batch));
