import type { SealedBatch } from '../../src/wire/append.ts';
import { batchHeader } from '../../src/wire/codec.ts';

/** Bytes of a body before compression. A larger one compresses well enough by itself. */
const SMALL_BYTES = 8 * 1024;
/** From here on compacting pays fully, and is done when nothing waits. Bytes before compression. */
const ENOUGH_BYTES = 48 * 1024;
const ENOUGH_BATCHES = 384;
/** From here on it is done at once. */
const MAX_BYTES = 64 * 1024;
const MAX_BATCHES = 512;
const MAX_EVENTS = 4000;
/** So many are worth a round trip before a large batch, which ends the sequence. */
const WORTH_BATCHES = 32;
/** The log's budget drops whole entries, so an entry is at most this fraction of it. */
const FRACTION_OF_BUDGET = 1 / 64;

/**
 * The newest stored batches while they are small: candidates for compaction (PROTOCOL.md, W9). Holds at most MAX_BYTES
 * and one small batch, most of which the outbox holds too. A sequence that is broken is forgotten.
 */
export class SmallBatches {
  readonly #enough: number;
  readonly #max: number;
  #batches: SealedBatch[] = [];
  #bytes = 0;
  #events = 0;

  /** `maxLogBytes`: the log's budget. */
  constructor(maxLogBytes: number) {
    this.#enough = Math.min(ENOUGH_BYTES, maxLogBytes * FRACTION_OF_BUDGET);
    this.#max = Math.min(MAX_BYTES, maxLogBytes * FRACTION_OF_BUDGET);
  }

  /** Adds a batch that Redis has acknowledged. */
  add(batch: SealedBatch): void {
    const last = this.#batches.at(-1);
    if (last !== undefined && batch.firstSeq !== last.firstSeq + last.count) this.clear();
    if (!this.#isSmall(batch)) {
      this.clear();
      return;
    }
    this.#batches.push(batch);
    this.#bytes += bodyBytes(batch);
    this.#events += batch.count;
  }

  /** Whether to compact before `next` is sent. Undefined: nothing waits. */
  isDue(next: SealedBatch | undefined): boolean {
    const batches = this.#batches.length;
    if (batches < 2) return false;
    if (next === undefined) return this.#bytes >= this.#enough || batches >= ENOUGH_BATCHES;
    if (!this.#isSmall(next)) return batches >= WORTH_BATCHES;
    return this.#bytes >= this.#max || batches >= MAX_BATCHES || this.#events + next.count > MAX_EVENTS;
  }

  /** Returns the batches, oldest first, and forgets them. */
  take(): readonly SealedBatch[] {
    const batches = this.#batches;
    this.clear();
    return batches;
  }

  /** Call it when it is not known what Redis holds. */
  clear(): void {
    this.#batches = [];
    this.#bytes = 0;
    this.#events = 0;
  }

  #isSmall(batch: SealedBatch): boolean {
    return batch.count <= MAX_EVENTS && bodyBytes(batch) < Math.min(SMALL_BYTES, this.#enough);
  }
}

const bodyBytes = (batch: SealedBatch): number => batchHeader(batch.batch).bodyBytes;
