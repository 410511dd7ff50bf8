/** What the buffer is at first; most lines are shorter. */
const FIRST_BYTES = 1024;
/** A buffer that one long line made larger than this is not kept. */
const REUSED_BYTES = 128 * 1024;

/** The beginning of a text of any length. Policy: what goes beyond the limit is left out, and `isCut` says so. */
export class Held {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;
  #cut = false;

  get length(): number {
    return this.#length;
  }
  /** True where something was left out. */
  get isCut(): boolean {
    return this.#cut;
  }
  /** Valid until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Adds what fits into `limit` bytes. Nothing is added behind a gap. */
  add(bytes: Buffer, limit: number): void {
    if (this.#cut) return;
    const room = Math.max(0, limit - this.#length);
    const size = Math.min(bytes.length, room);
    if (size < bytes.length) this.#cut = true;
    if (this.#length + size > this.#buffer.length) this.#grow(this.#length + size);
    bytes.copy(this.#buffer, this.#length, 0, size);
    this.#length += size;
  }

  clear(): void {
    this.#length = 0;
    this.#cut = false;
    if (this.#buffer.length > REUSED_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafe(Math.max(size, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
