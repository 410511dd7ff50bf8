/** What the buffer is at first; most lines are shorter. */
const FIRST_BYTES = 1024;
/** A buffer that one long line made larger than this is not kept. */
const REUSED_BYTES = 128 * 1024;

/** Of what was left out, the last bytes are kept: a record can say its level there. */
const TAIL_BYTES = 8 * 1024;

/** The beginning of a text of any length, and the end. Policy: what goes beyond the limit is left out, `tail` says so. */
export class Held {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #tail: Buffer | null = null;

  get length(): number {
    return this.#length;
  }
  /** True where something was left out. */
  get isCut(): boolean {
    return this.#tail !== null;
  }
  /** The end of what was left out, 8 KiB at most; null where nothing was. */
  get tail(): Buffer | null {
    return this.#tail;
  }
  /** Valid until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds what fits into `limit` bytes. Nothing is added behind a gap. */
  add(bytes: Buffer, limit: number): void {
    const room = this.#tail === null ? Math.max(0, limit - this.#length) : 0;
    const size = Math.min(bytes.length, room);
    if (size < bytes.length) this.#leaveOut(bytes.subarray(size));
    if (size === 0) return;
    if (this.#length + size > this.#buffer.length) this.#grow(this.#length + size);
    bytes.copy(this.#buffer, this.#length, 0, size);
    this.#length += size;
  }

  clear(): void {
    this.#length = 0;
    this.#tail = null;
    if (this.#buffer.length > REUSED_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  #leaveOut(bytes: Buffer): void {
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
