/** First size of the buffer. Most lines are shorter. */
const FIRST_BYTES = 1024;
/** A larger buffer, made for one long line, is not kept. */
const MAX_REUSED_BYTES = 128 * 1024;

/** Of what is left out, the end is kept: a record can have its level there. */
const TAIL_BYTES = 8 * 1024;

/**
 * Holds the beginning of a line of any length, and its end. Policy: what is beyond the limit is dropped; `tail` shows
 * it.
 */
export class LineBuffer {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #tail: Buffer | null = null;

  get length(): number {
    return this.#length;
  }
  /** Something was dropped. */
  get isCut(): boolean {
    return this.#tail !== null;
  }
  /** The last 8 KiB at most of what was dropped. Null if nothing was. */
  get tail(): Buffer | null {
    return this.#tail;
  }
  /** Valid until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds what fits into `limit` bytes. After something was dropped, nothing more is added. */
  add(bytes: Buffer, limit: number): void {
    const room = this.#tail === null ? Math.max(0, limit - this.#length) : 0;
    const size = Math.min(bytes.length, room);
    if (size < bytes.length) this.#drop(bytes.subarray(size));
    if (size === 0) return;
    if (this.#length + size > this.#buffer.length) this.#grow(this.#length + size);
    bytes.copy(this.#buffer, this.#length, 0, size);
    this.#length += size;
  }

  clear(): void {
    this.#length = 0;
    this.#tail = null;
    if (this.#buffer.length > MAX_REUSED_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  #drop(bytes: Buffer): void {
    const last = bytes.subarray(-TAIL_BYTES);
    const room = TAIL_BYTES - last.length;
    const before = room > 0 && this.#tail !== null ? this.#tail.subarray(-room) : Buffer.alloc(0);
    this.#tail = Buffer.concat([before, last]);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(Math.max(size, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
