import type { Seq } from '../../src/domain/events.ts';
import type { SealedBatch } from '../../src/wire/append.ts';

/** A stored batch is kept at least so long, milliseconds: longer than what a Redis that syncs each second can lose. */
const KEEP_MS = 10_000;
interface Kept {
  readonly batch: SealedBatch;
  readonly storedAt: number;
}

/**
 * Batches that wait to be stored, and stored ones in case Redis loses its newest entries. The owner bounds what waits:
 * it stops reading the command's pipes. What is kept is bounded by KEEP_MS and `keepBytes`; the oldest go first. Kept
 * batches are dropped only when a newer one is stored, so the last ones of an idle command stay.
 */
export class Outbox {
  readonly #waiting: SealedBatch[] = [];
  readonly #kept: Kept[] = [];
  readonly #keepBytes: number;
  #waitingBytes = 0;
  #keptBytes = 0;

  constructor(keepBytes: number) {
    this.#keepBytes = keepBytes;
  }

  /** Bytes of batches that Redis has not acknowledged. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  add(batch: SealedBatch): void {
    this.#waiting.push(batch);
    this.#waitingBytes += batch.batch.length;
  }

  /** The batch to store next. It stays here until `acknowledge`. */
  peek(): SealedBatch | undefined {
    return this.#waiting[0];
  }

  /** The batch of `peek` is stored. `now`: milliseconds of a monotonic clock. */
  acknowledge(now: number): void {
    const batch = this.#waiting.shift();
    if (batch === undefined) return;
    this.#waitingBytes -= batch.batch.length;
    this.keep(batch, now);
  }

  /** Keeps a stored batch. */
  keep(batch: SealedBatch, now: number): void {
    this.#kept.push({ batch, storedAt: now });
    this.#keptBytes += batch.batch.length;
    for (let oldest = this.#kept[0]; oldest !== undefined; oldest = this.#kept[0]) {
      const tooOld = oldest.storedAt < now - KEEP_MS && this.#kept.length > 1;
      if (!tooOld && this.#keptBytes <= this.#keepBytes) break;
      this.#kept.shift();
      this.#keptBytes -= oldest.batch.batch.length;
    }
  }

  /** Kept batches after `lastSeq`, oldest first and without a hole between them. */
  keptAfter(lastSeq: Seq): readonly SealedBatch[] {
    return this.#kept.map((kept) => kept.batch).filter((batch) => batch.firstSeq > lastSeq);
  }
}
