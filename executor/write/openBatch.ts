import type { EpochMs, EventDraft, Seq } from '../../src/domain/events.ts';
import { LIMITS } from '../../src/domain/limits.ts';
import type { SealedBatch } from '../../src/wire/append.ts';
import { BatchBuilder } from '../../src/wire/batchBuilder.ts';
import type { BatchFacts } from '../../src/wire/logIndex/batchFacts.ts';
import type { PipeStream } from '../output/sink.ts';
import { excessBytes } from './batchSize.ts';

const LF = 0x0a;
/** Smaller bodies compress less well, so their ratio does not predict that of the next batch. */
const MIN_RATIO_BYTES = 64 * 1024;

/** Lines that came together, each with its LF. */
interface Lines {
  readonly stream: PipeStream;
  readonly timestamp: EpochMs;
  readonly text: Buffer;
  readonly count: number;
}

type Sealed = Pick<SealedBatch, 'firstSeq' | 'count' | 'lines' | 'messageBytes' | 'batch'> & {
  readonly facts: BatchFacts;
};

/** The events of a batch that is not sealed yet. The owner bounds it, by `count` and `size`. */
export class OpenBatch {
  /**
   * Texts of the batch. All batches reuse this memory: with new memory for each, a flood makes gigabytes of garbage.
   */
  readonly #texts = Buffer.allocUnsafeSlow(LIMITS.appendBytes);
  #textBytes = 0;
  #builder: BatchBuilder;
  /** The newest lines are not in the builder yet, because the batch can be cut there. */
  #newest: Lines | null = null;
  /** Stored bytes per byte of the body, of the last large batch. 0 before the first one. */
  #ratio = 0;

  /** @param nextLine as BatchBuilder's */
  constructor(nextLine: number | null) {
    this.#builder = new BatchBuilder(nextLine);
  }

  /** The number in log.txt of the next line after the sealed batches; null if it is not known. */
  get nextLine(): number | null {
    return this.#builder.nextLine;
  }

  get count(): number {
    return this.#builder.count + (this.#newest?.count ?? 0);
  }
  /** Approximate bytes of the body. */
  get size(): number {
    return this.#builder.size + (this.#newest?.text.length ?? 0);
  }

  add(draft: EventDraft): void {
    this.#settle();
    this.#builder.add(draft);
  }

  /** Copies the text. */
  addLines(lines: Lines): void {
    this.#settle();
    this.#newest = { ...lines, text: this.#copy(lines.text) };
  }

  /**
   * Seals the batch and starts the next one. `moreToCome`: the newest lines can stay open for the next batch, if this
   * one then fills its allocation in Redis.
   */
  seal(firstSeq: Seq, attempt: number, moreToCome: boolean): Sealed {
    const rest = moreToCome ? this.#cutExcess() : null;
    this.#settle();
    const builder = this.#builder;
    const { count, lines, messageBytes, facts, nextLine } = builder;
    const batch = builder.seal(firstSeq, attempt);
    if (builder.size >= MIN_RATIO_BYTES) this.#ratio = batch.length / builder.size;
    this.#builder = new BatchBuilder(nextLine);
    this.#textBytes = 0;
    if (rest !== null) this.addLines(rest);
    return { firstSeq, count, lines, messageBytes, batch, facts };
  }

  #settle(): void {
    const newest = this.#newest;
    if (newest === null) return;
    this.#newest = null;
    this.#builder.addLines(newest.stream, newest.timestamp, newest.text, newest.count);
  }

  /** Removes whole lines from the newest ones and returns them. Null if none are in excess. */
  #cutExcess(): Lines | null {
    const newest = this.#newest;
    const excess = excessBytes(this.size, this.#ratio);
    if (newest === null || excess <= 0 || excess >= newest.text.length) return null;
    const end = newest.text.indexOf(LF, newest.text.length - excess) + 1;
    const text = newest.text.subarray(end);
    const count = linesIn(text);
    if (count === 0) return null;
    this.#newest = { ...newest, text: newest.text.subarray(0, end), count: newest.count - count };
    return { ...newest, text, count };
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
