/** Gathers events into batches: gives them their seqs, counts them, and keeps the digest. */
import { createHash, type Hash } from 'node:crypto';
import type { EpochMs, EventDraft, ProgressUpdatedDraft } from '../../src/domain/events.ts';
import { isCommandLine } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import type { LogTotals, SealedBatch } from '../../src/wire/append.ts';
import { BatchBuilder } from '../../src/wire/codec.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import type { OutputSink, PipeStream } from '../output/sink.ts';
import { excessBytes } from './batchSize.ts';

const LF = 0x0a;
/** Smaller bodies compress less well, so they tell nothing of those that come. */
const TELLING_BYTES = 64 * 1024;

/** Lines that came together. */
interface Piece {
  readonly stream: PipeStream;
  readonly timestamp: EpochMs;
  readonly text: Buffer;
  readonly count: number;
}

/** What came when the run had all the events that it may have. */
interface Refused {
  readonly events: number;
  readonly lines: number;
  /** Of the lines' messages. */
  readonly bytes: number;
}
/** GraphQL's Int. */
const MOST_COUNTED = 2 ** 31 - 1;

type Batching = Pick<SealedBatch, 'closes' | 'changes'> & { readonly knownCancel?: EpochMs | null };

/** Holds one open batch, LIMITS.appendEvents and about LIMITS.appendBytes at most; full ones go to `onSealed`. */
export class Gatherer implements OutputSink {
  readonly #attempt: number;
  readonly #onSealed: (batch: SealedBatch) => void;
  readonly #digest: Hash | null;
  /** Texts of the open batch: one piece of memory for all batches, or a flood makes garbage by the gigabyte. */
  readonly #texts = Buffer.allocUnsafeSlow(LIMITS.appendBytes);
  #textBytes = 0;
  #builder = new BatchBuilder();
  /** The newest lines of the open batch, which are not in the builder yet: there the batch can be cut. */
  #last: Piece | null = null;
  /** Stored bytes for each byte of the body, of the last large batch; 0: there was none. */
  #ratio = 0;
  #progress: { readonly draft: ProgressUpdatedDraft; readonly index: number } | null = null;
  #output: Pick<RecordChanges, 'output'> = {};
  #refused: Refused | null = null;
  #nextSeq: number;
  #lines: number;
  #bytes: number;
  /** What is sealed of them. */
  #sealedTotals: LogTotals;

  /**
   * `run` is the record at the claim: seqs and totals go on from there. `earlier`: of this attempt's lines that were
   * stored before; null where nobody can tell it any more.
   */
  constructor(run: RunRecord, onSealed: (batch: SealedBatch) => void, earlier: Hash | null = createHash('sha256')) {
    this.#digest = earlier;
    this.#attempt = run.attempt;
    this.#onSealed = onSealed;
    this.#nextSeq = run.lastSeq + 1;
    this.#lines = run.lines;
    this.#bytes = run.bytes;
    this.#sealedTotals = { lines: run.lines, bytes: run.bytes };
  }

  /** Events of the open batch. */
  get count(): number {
    return this.#builder.count + (this.#last?.count ?? 0);
  }
  /** Bytes of the open batch, about. */
  get size(): number {
    return this.#builder.size + (this.#last?.text.length ?? 0);
  }
  /** Lines and their UTF-8 bytes in the whole log, over all attempts, what is gathered included. */
  get totals(): { readonly lines: number; readonly bytes: number } {
    return { lines: this.#lines, bytes: this.#bytes };
  }
  /** SHA-256 over this attempt's command lines so far, lower-case hex; null where not all of them are known. */
  get digest(): string | null {
    return this.#digest?.copy().digest('hex') ?? null;
  }

  /** Plain lines; see OutputSink. The memory is copied, since the pipe reader uses it again. */
  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    const room = this.#room;
    if (count > room) {
      const end = endOfLine(text, 0, room);
      if (room > 0) this.lines(stream, timestamp, text.subarray(0, end), room);
      const lines = count - room;
      this.#refuse(timestamp, { events: lines, lines, bytes: text.length - end - lines });
      return;
    }
    this.#digest?.update(text);
    this.#lines += count;
    this.#bytes += text.length - count;
    let from = 0;
    let left = count;
    // More lines than one batch may hold come from a flood of (nearly) empty ones alone.
    for (; left > LIMITS.appendEvents; left -= LIMITS.appendEvents) {
      const end = endOfLine(text, from, LIMITS.appendEvents);
      this.#addLines(stream, timestamp, text.subarray(from, end), LIMITS.appendEvents);
      from = end;
    }
    if (left > 0) this.#addLines(stream, timestamp, text.subarray(from), left);
  }

  event(draft: EventDraft): void {
    if (this.#room === 0 && draft.kind !== 'ContainerEvent') {
      const bytes = draft.kind === 'LogLine' ? Buffer.byteLength(draft.message) : 0;
      this.#refuse(draft.timestamp, { events: 1, lines: draft.kind === 'LogLine' ? 1 : 0, bytes });
      return;
    }
    this.#add(draft);
  }

  /** Tells how much the command printed beyond LIMITS.runEvents, if it did. Call it at the end of the attempt. */
  tellRefused(timestamp: EpochMs): void {
    const refused = this.#refused;
    if (refused === null) return;
    this.#refused = null;
    this.seal();
    const [count, droppedLines] = [Math.min(refused.events, MOST_COUNTED), Math.min(refused.lines, MOST_COUNTED)];
    const what = { fromSeq: this.#nextSeq, count, droppedLines, droppedBytes: refused.bytes } as const;
    this.#add({ kind: 'LinesDropped', timestamp, ...what, reason: 'LOG_LIMIT' });
  }

  /** Events that the command may still have. */
  get #room(): number {
    return Math.max(LIMITS.runEvents + 1 - this.#nextSeq - this.count, 0);
  }

  #refuse(timestamp: EpochMs, more: Refused): void {
    const refused = this.#refused;
    if (refused === null) {
      const message = `The run has ${LIMITS.runEvents} events, the most that a run can have. What its command prints from here on is not stored.`;
      this.#add({ kind: 'LogLine', timestamp, level: 'WARNING', stream: 'SYSTEM', message });
    }
    const { events, lines, bytes } = refused ?? { events: 0, lines: 0, bytes: 0 };
    this.#refused = { events: events + more.events, lines: lines + more.lines, bytes: bytes + more.bytes };
  }

  #add(draft: EventDraft): void {
    if (this.count >= LIMITS.appendEvents) this.seal();
    if (draft.kind === 'LogLine') {
      this.#lines += 1;
      this.#bytes += Buffer.byteLength(draft.message);
      if (isCommandLine(draft)) this.#digest?.update(`${draft.message}\n`);
    }
    if (draft.kind === 'ProgressUpdated') this.#progress = { draft, index: this.count };
    if (draft.kind === 'OutputProduced') this.#output = { output: draft.value };
    this.#settle();
    this.#builder.add(draft);
    if (this.size >= LIMITS.appendBytes) this.seal();
  }

  /**
   * Hands on what is gathered as one batch; with it goes the newest progress and output to the record. `fit`: more is
   * on its way, so the last lines may be left for the next batch where this one then fills its place in Redis.
   */
  seal(fit = false): void {
    if (this.count === 0) return;
    const rest = fit ? this.#cut() : null;
    this.#settle();
    const progress = this.#progress;
    const attempt = this.#attempt;
    const changes: RecordChanges = {
      ...(progress === null ? {} : { progress: { ...progress.draft, seq: this.#nextSeq + progress.index, attempt } }),
      ...this.#output,
    };
    const batch = this.#sealed(this.#builder, { closes: false, changes });
    const { lines, bytes } = batch.before;
    this.#sealedTotals = { lines: lines + batch.lines, bytes: bytes + batch.messageBytes };
    this.#nextSeq += batch.count;
    this.#builder = new BatchBuilder();
    this.#textBytes = 0;
    this.#progress = null;
    this.#output = {};
    if (rest !== null) this.#last = { ...rest, text: this.#copy(rest.text) };
    this.#onSealed(batch);
  }

  /** A batch that may yet be refused, of drafts that are no lines: it takes no seqs until `took` is called. */
  alone(drafts: readonly EventDraft[], batching: Batching): SealedBatch {
    const builder = new BatchBuilder();
    for (const draft of drafts) builder.add(draft);
    return this.#sealed(builder, batching);
  }

  took(batch: SealedBatch): void {
    this.#nextSeq = batch.firstSeq + batch.count;
  }

  #sealed(builder: BatchBuilder, batching: Batching): SealedBatch {
    const { count, lines, messageBytes } = builder;
    const firstSeq = this.#nextSeq;
    const before = this.#sealedTotals;
    const batch = builder.seal(firstSeq, this.#attempt);
    if (builder.size >= TELLING_BYTES) this.#ratio = batch.length / builder.size;
    return { ...batching, firstSeq, count, lines, messageBytes, before, batch };
  }

  #addLines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    if (this.#isTooMuch(text, count)) this.seal(true);
    if (this.#isTooMuch(text, count)) this.seal();
    this.#settle();
    this.#last = { stream, timestamp, text: this.#copy(text), count };
    if (this.size >= LIMITS.appendBytes) this.seal();
  }

  #isTooMuch(text: Buffer, count: number): boolean {
    return this.count + count > LIMITS.appendEvents || this.size + text.length > LIMITS.appendBytes;
  }

  #settle(): void {
    const last = this.#last;
    if (last === null) return;
    this.#last = null;
    this.#builder.addLines(last.stream, last.timestamp, last.text, last.count);
  }

  /** Takes from the newest lines what would not fit, and answers it; null where all goes. */
  #cut(): Piece | null {
    const last = this.#last;
    const excess = excessBytes(this.size, this.#ratio);
    if (last === null || excess <= 0 || excess >= last.text.length) return null;
    const end = last.text.indexOf(LF, last.text.length - excess) + 1;
    const rest = last.text.subarray(end);
    const count = linesIn(rest);
    if (count === 0) return null;
    this.#last = { ...last, text: last.text.subarray(0, end), count: last.count - count };
    return { ...last, text: rest, count };
  }

  #copy(text: Buffer): Buffer {
    const at = this.#textBytes;
    if (at + text.length > this.#texts.length) return Buffer.from(text);
    this.#textBytes += text.copy(this.#texts, at);
    return this.#texts.subarray(at, this.#textBytes);
  }
}

const linesIn = (text: Buffer): number => {
  let count = 0;
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) count += 1;
  return count;
};

/** Where the text's `count`-th line from `from` ends, its LF included. */
const endOfLine = (text: Buffer, from: number, count: number): number => {
  let end = from;
  for (let left = count; left > 0; left -= 1) end = text.indexOf(LF, end) + 1;
  return end;
};
