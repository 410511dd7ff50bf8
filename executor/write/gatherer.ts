import { createHash, type Hash } from 'node:crypto';
import type { EpochMs, EventDraft, ProgressUpdatedDraft } from '../../src/domain/events.ts';
import { isCommandLine } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import type { LogTotals, SealedBatch } from '../../src/wire/append.ts';
import { BatchBuilder } from '../../src/wire/batchBuilder.ts';
import type { LogIndex } from '../../src/wire/logIndex/logIndex.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import type { OutputSink, PipeStream } from '../output/sink.ts';
import { OpenBatch } from './openBatch.ts';
import { OpenGroups } from './openGroups.ts';

const LF = 0x0a;

/** Events that came after the run had as many as it may have. */
interface Refused {
  readonly events: number;
  readonly lines: number;
  /** UTF-8 bytes of the lines' messages. */
  readonly bytes: number;
}
/** The largest Int of GraphQL. */
const MAX_INT = 2 ** 31 - 1;

type Batching = Pick<SealedBatch, 'closes' | 'changes'> & { readonly knownCancel?: EpochMs | null };

/**
 * Gathers events into batches, gives them their seqs, and keeps totals and digest. Holds one open batch of at most
 * LIMITS.appendEvents events and about LIMITS.appendBytes. A full batch goes to `onSealed`.
 */
export class Gatherer implements OutputSink {
  readonly #attempt: number;
  readonly #onSealed: (batch: SealedBatch) => void;
  readonly #digest: Hash | null;
  readonly #open: OpenBatch;
  #index: LogIndex | null;
  /** With the separate batch, until Redis has it. */
  #nextIndex: LogIndex | null = null;
  readonly #groups: OpenGroups;
  #progress: { readonly draft: ProgressUpdatedDraft; readonly index: number } | null = null;
  #output: Pick<RecordChanges, 'output'> = {};
  #refused: Refused | null = null;
  #nextSeq: number;
  #lines: number;
  #bytes: number;
  /** Totals of all sealed batches. */
  #sealedTotals: LogTotals;

  /**
   * `run`: the record at the claim, after which seqs and totals continue. `digest`: of this attempt's lines that are
   * stored already, null if it is not known. `index`: of the log so far; null if it is not known, then none is kept.
   */
  constructor(
    run: RunRecord,
    onSealed: (batch: SealedBatch) => void,
    digest: Hash | null = createHash('sha256'),
    index: LogIndex | null = null,
  ) {
    this.#digest = digest;
    this.#index = index;
    this.#open = new OpenBatch(index && index.state.commandLines + 1);
    this.#groups = new OpenGroups(index?.openGroups.filter(({ attempt }) => attempt === run.attempt));
    this.#attempt = run.attempt;
    this.#onSealed = onSealed;
    this.#nextSeq = run.lastSeq + 1;
    this.#lines = run.lines;
    this.#bytes = run.bytes;
    this.#sealedTotals = { lines: run.lines, bytes: run.bytes };
  }

  /** Events of the open batch. */
  get count(): number {
    return this.#open.count;
  }
  /** Approximate bytes of the open batch. */
  get size(): number {
    return this.#open.size;
  }
  /** Lines of the whole log, over all attempts, and the UTF-8 bytes of their messages. Includes the open batch. */
  get totals(): { readonly lines: number; readonly bytes: number } {
    return { lines: this.#lines, bytes: this.#bytes };
  }
  /** SHA-256 of this attempt's command lines so far, in lower-case hexadecimal. Null if some of them are not known. */
  get digest(): string | null {
    return this.#digest?.copy().digest('hex') ?? null;
  }

  /** See OutputSink. Copies the text, because the pipe reader reuses its memory. */
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
    // Only a flood of (nearly) empty lines has more of them in one text than a batch may hold.
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
    this.#add(draft.kind === 'GroupEnded' ? this.#groups.ended(draft) : draft);
  }

  /** Adds a GroupEnded for each open group. Call it at the attempt's end. `mask`: hides secrets in names. */
  endGroups(timestamp: EpochMs, mask: (text: string) => string): void {
    for (const draft of this.#groups.endAll(timestamp, mask)) if (this.#room > 0) this.#add(draft);
  }

  /**
   * Adds a LinesDropped for what the command printed beyond LIMITS.runEvents, if it did. Call it at the attempt's end.
   */
  reportRefused(timestamp: EpochMs): void {
    const refused = this.#refused;
    if (refused === null) return;
    this.#refused = null;
    this.seal();
    const [count, droppedLines] = [Math.min(refused.events, MAX_INT), Math.min(refused.lines, MAX_INT)];
    const what = { fromSeq: this.#nextSeq, count, droppedLines, droppedBytes: refused.bytes } as const;
    this.#add({ kind: 'LinesDropped', timestamp, ...what, reason: 'LOG_LIMIT' });
  }

  /**
   * Hands the open batch on, with the newest progress and output for the record. Does nothing if it is empty.
   * `moreToCome`: see OpenBatch.seal.
   */
  seal(moreToCome = false): void {
    if (this.count === 0) return;
    const progress = this.#progress;
    const attempt = this.#attempt;
    const changes: RecordChanges = {
      ...(progress === null ? {} : { progress: { ...progress.draft, seq: this.#nextSeq + progress.index, attempt } }),
      ...this.#output,
    };
    const { facts, ...sealed } = this.#open.seal(this.#nextSeq, attempt, moreToCome);
    const index = this.#index?.add({ ...sealed, attempt, facts });
    const before = this.#sealedTotals;
    this.#sealedTotals = { lines: before.lines + sealed.lines, bytes: before.bytes + sealed.messageBytes };
    this.#nextSeq += sealed.count;
    this.#progress = null;
    this.#output = {};
    this.#onSealed({ ...sealed, closes: false, changes, before, index });
  }

  /**
   * A separate batch that Redis may refuse. `drafts` are not lines. It uses up its seqs only when `commit` is called.
   */
  sealSeparately(drafts: readonly EventDraft[], batching: Batching): SealedBatch {
    const builder = new BatchBuilder(this.#open.nextLine);
    for (const draft of drafts) builder.add(draft);
    const { count, lines, messageBytes, facts } = builder;
    const firstSeq = this.#nextSeq;
    const attempt = this.#attempt;
    const batch = builder.seal(firstSeq, attempt);
    this.#nextIndex = this.#index?.copy() ?? null;
    const index = this.#nextIndex?.add({ firstSeq, count, attempt, facts });
    return { ...batching, firstSeq, count, lines, messageBytes, before: this.#sealedTotals, batch, index };
  }

  /** The separate batch is stored. */
  commit(batch: SealedBatch): void {
    this.#nextSeq = batch.firstSeq + batch.count;
    this.#index = this.#nextIndex;
  }

  /** Redis lost events: a part of the index can be lost too, so the next batch has all of it. */
  restoreIndex(): void {
    this.#index?.storeAgain();
  }

  /** Events that the command may still add. */
  get #room(): number {
    return Math.max(LIMITS.runEvents + 1 - this.#nextSeq - this.count, 0);
  }

  #refuse(timestamp: EpochMs, more: Refused): void {
    const refused = this.#refused;
    if (refused === null) {
      const message = `The run has reached the limit of ${LIMITS.runEvents} events. What its command prints from here on is not stored.`;
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
    if (draft.kind === 'GroupStarted') this.#groups.started(draft, this.#nextSeq + this.count);
    if (draft.kind === 'ProgressUpdated') this.#progress = { draft, index: this.count };
    if (draft.kind === 'OutputProduced') this.#output = { output: draft.value };
    this.#open.add(draft);
    if (this.size >= LIMITS.appendBytes) this.seal();
  }

  #addLines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    if (this.#wouldOverflow(text, count)) this.seal(true);
    if (this.#wouldOverflow(text, count)) this.seal();
    this.#open.addLines({ stream, timestamp, text, count });
    if (this.size >= LIMITS.appendBytes) this.seal();
  }

  #wouldOverflow(text: Buffer, count: number): boolean {
    return this.count + count > LIMITS.appendEvents || this.size + text.length > LIMITS.appendBytes;
  }
}

/** The end of the `count`-th line after `from`, its LF included. */
const endOfLine = (text: Buffer, from: number, count: number): number => {
  let end = from;
  for (let left = count; left > 0; left -= 1) end = text.indexOf(LF, end) + 1;
  return end;
};
