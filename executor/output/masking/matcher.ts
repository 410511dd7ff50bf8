/**
 * Finds any of many byte strings in a text in one pass (the idea of Wu and Manber, 1994): three bytes
 * at a time are looked up in a table that says how far no string can end, so most bytes are never read.
 */

const BLOCK = 3;
const TABLE_BITS = 17;
const TABLE_MASK = (1 << TABLE_BITS) - 1;
/** More of a string's head than this adds blocks to the table and hardly lengthens the steps. */
const MAX_HEAD_BYTES = 24;

const blockAt = (bytes: Uint8Array, end: number): number =>
  ((bytes[end - 2] as number) ^ ((bytes[end - 1] as number) << 5) ^ ((bytes[end] as number) << 10)) & TABLE_MASK;

/** Strings can be added at any time. Its memory is bounded by its owner, who counts what it adds. */
export class Matcher {
  /** A shorter string cannot be held. */
  static readonly minBytes = 4;

  #head = MAX_HEAD_BYTES;
  readonly #patterns: Buffer[] = [];
  /** Per block: how far the next place is at which a string's head could end; 0: look. */
  readonly #step = new Uint8Array(TABLE_MASK + 1).fill(MAX_HEAD_BYTES - BLOCK + 1);
  /** Per block: 1 + index of the first string whose head ends with it; `#next` chains the others. */
  readonly #first = new Int32Array(TABLE_MASK + 1);
  readonly #next: number[] = [];

  get patterns(): readonly Buffer[] {
    return this.#patterns;
  }

  /** @throws RangeError where it is shorter than minBytes */
  add(pattern: Buffer): void {
    if (pattern.length < Matcher.minBytes) throw new RangeError('too short for the matcher');
    this.#patterns.push(pattern);
    if (pattern.length < this.#head) {
      this.#head = pattern.length;
      this.#step.fill(this.#head - BLOCK + 1);
      this.#first.fill(0);
      this.#next.length = 0;
      for (let index = 0; index < this.#patterns.length; index += 1) this.#enter(index);
    } else this.#enter(this.#patterns.length - 1);
  }

  /** Appends start and end of the longest string at each place where one begins; they may overlap. */
  find(text: Buffer, ranges: number[]): void {
    const head = this.#head;
    const steps = this.#step;
    const length = text.length;
    let end = head - 1;
    while (end < length) {
      const block = blockAt(text, end);
      const step = steps[block] as number;
      if (step > 0) {
        end += step;
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
      const step = this.#head - 1 - end;
      if (step < (this.#step[block] as number)) this.#step[block] = step;
    }
    const last = blockAt(pattern, this.#head - 1);
    this.#next[index] = this.#first[last] as number;
    this.#first[last] = index + 1;
  }
}
