/** Sealed batches: those that wait to be stored, and those stored lately, in case Redis loses its tail. */
import type { Seq } from '../../src/domain/events.ts';
import type { SealedBatch } from '../../src/wire/append.ts';

/** How long a stored batch is kept at least, milliseconds: longer than a Redis that syncs each second can lose. */
const KEEP_MS = 10_000;
interface Kept {
  readonly batch: SealedBatch;
  readonly storedAt: number;
}

/**
 * The waiting part is bounded by its owner, which stops reading the command's pipes; the kept part by
 * KEEP_MS and `keepBytes` (policy: the oldest go first). Kept batches are let go when newer ones are stored, never by time alone: of an
 * idle command the last ones stay at hand.
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

  /** The batch to be stored next; it stays until `acknowledge`. */
  peek(): SealedBatch | undefined {
    return this.#waiting[0];
  }

  /** The batch that `peek` gave is stored. */
  acknowledge(now: number): void {
    const batch = this.#waiting.shift();
    if (batch === undefined) return;
    this.#waitingBytes -= batch.batch.length;
    this.keep(batch, now);
  }

  /** Remembers a stored batch. */
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

  /** Stored batches after `lastSeq` as far as they are at hand: without a hole up to the newest, the oldest first. */
  keptAfter(lastSeq: Seq): readonly SealedBatch[] {
    return this.#kept.map((kept) => kept.batch).filter((batch) => batch.firstSeq > lastSeq);
  }
}
