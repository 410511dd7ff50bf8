/** Writes batches of events (codec.ts describes the format). */
import { constants, zstdCompressSync } from 'node:zlib';
import type { EpochMs, EventDraft, LogLineDraft, RunEvent, Seq } from '../domain/events.ts';
import { isCommandLine } from '../domain/events.ts';
import { LIMITS } from '../domain/limits.ts';
import { joinBatch } from './codec.ts';
import { BatchFacts } from './logIndex/batchFacts.ts';

/** Bodies up to this size are joined in memory that is reused. */
const SCRATCH_BYTES = 2 * LIMITS.appendBytes;

/** Collects events until they are sealed as one batch. It has no bound of its own: the caller checks `count` and `size`. */
export class BatchBuilder {
  /** For the log's index. */
  readonly facts = new BatchFacts();
  #parts: Buffer[] = [];
  #segment: Segment | null = null;
  /** The next number of a line in log.txt; null if it is not known. */
  #nextLine: number | null;
  #size = 0;
  #count = 0;
  #lines = 0;
  #messageBytes = 0;
  #closes = false;

  /** @param nextLine number of the first line of log.txt that is added; null (the default) if it is not known */
  constructor(nextLine: number | null = null) {
    this.#nextLine = nextLine;
  }

  get count(): number {
    return this.#count;
  }
  /** Bytes of the body so far, roughly. */
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

  /** Adds plain lines: `text` holds `count` lines, each with its LF. It is kept, not copied. */
  addLines(stream: 'STDOUT' | 'STDERR', at: EpochMs, text: Buffer, count: number): void {
    const mark = stream === 'STDOUT' ? 'o' : 'e';
    let segment = this.#segment;
    const line = this.#nextLine;
    if (segment === null || segment.mark !== mark || segment.at !== at || lineAfter(segment) !== line) {
      this.#closeSegment();
      segment = { mark, at, line, count: 0, parts: [] };
      this.#segment = segment;
      this.#size += 20;
    }
    segment.parts.push(text);
    segment.count += count;
    this.#size += text.length;
    this.#count += count;
    this.#lines += count;
    this.#messageBytes += text.length - count;
    if (line !== null) this.#nextLine = line + count;
    this.facts.addLines(at, count);
  }

  /** The next number of a line in log.txt; null if it is not known. */
  get nextLine(): number | null {
    return this.#nextLine;
  }

  add(draft: EventDraft): void {
    if (isPlain(draft)) {
      this.addLines(draft.stream, draft.timestamp, Buffer.from(`${draft.message}\n`), 1);
      return;
    }
    this.#closeSegment();
    const json = Buffer.from(`j${this.#numbered(draft)}\n`);
    this.facts.add(draft, this.#count);
    this.#parts.push(json);
    this.#size += json.length;
    this.#count += 1;
    if (draft.kind === 'RunFinished') this.#closes = true;
    if (draft.kind === 'LogLine') {
      this.#lines += 1;
      this.#messageBytes += Buffer.byteLength(draft.message);
    }
  }

  /** Adds an event that is stored already, for a batch in which it keeps its seq. */
  addStored(event: RunEvent): void {
    const { seq: _seq, attempt: _attempt, ...draft } = event;
    if (draft.kind !== 'LogLine') {
      this.add(draft);
      return;
    }
    const { line, ...own } = draft;
    if (isCommandLine(own)) this.#nextLine = line ?? null;
    this.add(own);
  }

  /** The batch as it is stored. The builder must hold at least one event; do not use it afterwards. */
  seal(firstSeq: Seq, attempt: number): Buffer {
    this.#closeSegment();
    const body = joined(this.#parts);
    const compress = body.length >= LIMITS.compressFromBytes;
    const packed = compress ? zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) : body;
    const header = { firstSeq, attempt, count: this.#count, closes: this.#closes };
    return joinBatch(header, body, packed.length < body.length ? packed : null);
  }

  /** The event's JSON, with the line's number. */
  #numbered(draft: EventDraft): string {
    const json = JSON.stringify(draft);
    const line = this.#nextLine;
    if (line === null || !isCommandLine(draft)) return json;
    this.#nextLine = line + 1;
    return `${json.slice(0, -1)},"line":${line}}`;
  }

  #closeSegment(): void {
    const segment = this.#segment;
    if (segment === null) return;
    const { mark, count, at, line } = segment;
    this.#parts.push(Buffer.from(`${mark}${count} ${at}${line === null ? '' : ` ${line}`}\n`), ...segment.parts);
    this.#segment = null;
  }
}

/** Plain lines of one stream and one instant, with successive numbers. */
interface Segment {
  readonly mark: 'o' | 'e';
  readonly at: EpochMs;
  /** Number of the first line; null if it is not known. */
  readonly line: number | null;
  count: number;
  readonly parts: Buffer[];
}

const lineAfter = ({ line, count }: Segment): number | null => (line === null ? null : line + count);

/** Whether a segment of plain lines can hold the event. */
const isPlain = (draft: EventDraft): draft is LogLineDraft & { readonly stream: 'STDOUT' | 'STDERR' } =>
  draft.kind === 'LogLine' &&
  (draft.stream === 'STDOUT' || draft.stream === 'STDERR') &&
  draft.level === 'INFO' &&
  !draft.truncated &&
  !draft.logger &&
  !draft.fields &&
  !draft.exception &&
  !draft.annotation &&
  !draft.message.includes('\n') &&
  draft.message.isWellFormed();

/** Memory for bodies that are being sealed; a new one for each batch would be garbage in a flood. */
let scratch = Buffer.alloc(0);

/** The parts joined; valid until the next call. */
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
