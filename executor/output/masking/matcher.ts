/**
 * Finds many byte strings in a text in one pass (Wu and Manber, "A fast algorithm for multi-pattern searching", 1994).
 * A table tells for each block of three bytes how far the search can skip, so most bytes are never read
 * (docs/decisions/0012).
 */

const BLOCK = 3;
const TABLE_BITS = 17;
const TABLE_MASK = (1 << TABLE_BITS) - 1;
/** A longer head adds blocks to the table and hardly lengthens the skips. */
const MAX_HEAD_BYTES = 24;

const blockAt = (bytes: Uint8Array, end: number): number =>
  ((bytes[end - 2] as number) ^ ((bytes[end - 1] as number) << 5) ^ ((bytes[end] as number) << 10)) & TABLE_MASK;

/** Patterns can be added at any time. The owner bounds their bytes. */
export class Matcher {
  /** Length of the shortest possible pattern. */
  static readonly minBytes = 4;

  #head = MAX_HEAD_BYTES;
  readonly #patterns: Buffer[] = [];
  /** Per block: bytes to skip before the head of a pattern can end. 0: compare the patterns. */
  readonly #skip = new Uint8Array(TABLE_MASK + 1).fill(MAX_HEAD_BYTES - BLOCK + 1);
  /** Per block: 1 + index of the first pattern whose head ends with it. `#next` links the others. */
  readonly #first = new Int32Array(TABLE_MASK + 1);
  readonly #next: number[] = [];

  get patterns(): readonly Buffer[] {
    return this.#patterns;
  }

  /** @throws RangeError if it is shorter than minBytes */
  add(pattern: Buffer): void {
    if (pattern.length < Matcher.minBytes) throw new RangeError(`a pattern has at least ${Matcher.minBytes} bytes`);
    this.#patterns.push(pattern);
    if (pattern.length < this.#head) {
      this.#head = pattern.length;
      this.#skip.fill(this.#head - BLOCK + 1);
      this.#first.fill(0);
      this.#next.length = 0;
      for (let index = 0; index < this.#patterns.length; index += 1) this.#enter(index);
    } else this.#enter(this.#patterns.length - 1);
  }

  /** Appends start and end of the longest match at each position. Matches can overlap. */
  find(text: Buffer, ranges: number[]): void {
    const head = this.#head;
    const skips = this.#skip;
    const length = text.length;
    let end = head - 1;
    while (end < length) {
      const block = blockAt(text, end);
      const skip = skips[block] as number;
      if (skip > 0) {
        end += skip;
        continue;
      }
      const start = end - head + 1;
      const size = this.#longestAt(text, start, this.#first[block] as number);
      if (size > 0) ranges.push(start, start + size);
      end += 1;
    }
  }

  #longestAt(text: Buffer, start: number, chain: number): number {
    let longest = 0;
    for (let link = chain; link > 0; link = this.#next[link - 1] as number) {
      const pattern = this.#patterns[link - 1] as Buffer;
      const size = pattern.length;
      if (size <= longest || start + size > text.length) continue;
      let at = 0;
      while (at < size && pattern[at] === text[start + at]) at += 1;
      if (at === size) longest = size;
    }
    return longest;
  }

  #enter(index: number): void {
    const pattern = this.#patterns[index] as Buffer;
    for (let end = BLOCK - 1; end < this.#head; end += 1) {
      const block = blockAt(pattern, end);
      const skip = this.#head - 1 - end;
      if (skip < (this.#skip[block] as number)) this.#skip[block] = skip;
    }
    const last = blockAt(pattern, this.#head - 1);
    this.#next[index] = this.#first[last] as number;
    this.#first[last] = index + 1;
  }
}
