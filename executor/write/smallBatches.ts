/** The newest stored batches, as long as they are small: what is compacted when enough of them have gathered. */

import type { SealedBatch } from '../../src/wire/append.ts';
import { batchHeader } from '../../src/wire/codec.ts';

/** A batch with a larger body, bytes before compression, compresses well enough by itself. */
const SMALL_BYTES = 8 * 1024;
/** Enough for the full gain: from here on they are compacted as soon as nothing waits. Bytes before compression. */
const ENOUGH_BYTES = 48 * 1024;
const ENOUGH_BATCHES = 384;
/** From here on at once. */
const MOST_BYTES = 64 * 1024;
const MOST_BATCHES = 512;
const MOST_EVENTS = 4000;
/** Before a large batch, which ends their row, so many are worth a round trip. */
const WORTH_BATCHES = 32;
/** The budget drops whole entries: one may be this part of it at most. */
const PART_OF_BUDGET = 64;

/** Holds MOST_BYTES and one small batch at most, of which most is in the outbox too. Policy: a row that breaks is forgotten. */
export class Tail {
  readonly #enough: number;
  readonly #most: number;
  #batches: SealedBatch[] = [];
  #bytes = 0;
  #events = 0;

  /** `maxLogBytes`: the budget of the log. */
  constructor(maxLogBytes: number) {
    this.#enough = Math.min(ENOUGH_BYTES, maxLogBytes / PART_OF_BUDGET);
    this.#most = Math.min(MOST_BYTES, maxLogBytes / PART_OF_BUDGET);
  }

  /** A batch that Redis has acknowledged. */
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

  /** Whether to compact before `next` is sent; undefined: nothing waits. */
  isDue(next: SealedBatch | undefined): boolean {
    const batches = this.#batches.length;
    if (batches < 2) return false;
    if (next === undefined) return this.#bytes >= this.#enough || batches >= ENOUGH_BATCHES;
    if (!this.#isSmall(next)) return batches >= WORTH_BATCHES;
    return this.#bytes >= this.#most || batches >= MOST_BATCHES || this.#events + next.count > MOST_EVENTS;
  }

  /** The batches, the oldest first; they are forgotten here. */
  take(): readonly SealedBatch[] {
    const batches = this.#batches;
    this.clear();
    return batches;
  }

  /** What the store holds is in doubt. */
  clear(): void {
    this.#batches = [];
    this.#bytes = 0;
    this.#events = 0;
  }

  #isSmall(batch: SealedBatch): boolean {
    return batch.count <= MOST_EVENTS && bodyBytes(batch) < Math.min(SMALL_BYTES, this.#enough);
  }
}

const bodyBytes = (batch: SealedBatch): number => batchHeader(batch.batch).bodyBytes;
