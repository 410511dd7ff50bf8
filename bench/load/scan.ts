/**
 * Counts and checks the lines in a viewer's bytes without parsing what is around them: each line's number
 * must be one more than the last one's, so a lost, repeated or moved line is a fault.
 */
import { HEAD_BYTES, MARK, NUMBER_DIGITS, STAMP_DIGITS } from '../lines.ts';

export interface ScanOptions {
  /** The line before the first one to come; default 0. */
  readonly after?: number;
  /** A line's stamp; called for every line, so only where latencies are wanted. */
  readonly onStamp?: (stamp: number) => void;
}

const digits = (bytes: Buffer, from: number, count: number): number => {
  let value = 0;
  for (let i = from; i < from + count; i += 1) value = value * 10 + (bytes[i] ?? 0) - 0x30;
  return value;
};

export class LineScanner {
  /** Number of the newest line. */
  last: number;
  /** Whether a line of number 0 came: this viewer is being served. */
  warm = false;
  /** The first line that was not the next one. */
  fault: string | null = null;
  readonly #after: number;
  readonly #onStamp: ScanOptions['onStamp'];
  /** The beginning of a line whose number and stamp are cut by the end of a piece. */
  readonly #cut = Buffer.alloc(HEAD_BYTES);
  #cutBytes = 0;
  /** From a mark to the next one, last time: most lines are framed alike, so a look there finds the next. */
  #stride = HEAD_BYTES;

  constructor({ after = 0, onStamp }: ScanOptions = {}) {
    this.last = after;
    this.#after = after;
    this.#onStamp = onStamp;
  }

  /** Lines so far. */
  get lines(): number {
    return this.last - this.#after;
  }

  /** The next piece of payload, bytes `from` to `to`. The memory may be used again afterwards. */
  scan(bytes: Buffer, from: number, to: number): void {
    let at = this.#cutBytes > 0 ? this.#finishCut(bytes, from, to) : from;
    let mark = this.#nextMark(bytes, at, to, at);
    while (mark >= 0) {
      if (mark + HEAD_BYTES > to) {
        this.#cutBytes = bytes.copy(this.#cut, 0, mark, to);
        return;
      }
      this.#take(bytes, mark);
      at = mark + HEAD_BYTES;
      const next = this.#nextMark(bytes, at, to, mark + this.#stride);
      if (next >= 0) this.#stride = next - mark;
      mark = next;
    }
  }

  #nextMark(bytes: Buffer, from: number, to: number, guess: number): number {
    if (guess >= from && guess < to && bytes[guess] === MARK) return guess;
    const found = bytes.indexOf(MARK, from);
    return found < to ? found : -1;
  }

  #finishCut(bytes: Buffer, from: number, to: number): number {
    const taken = bytes.copy(this.#cut, this.#cutBytes, from, Math.min(to, from + HEAD_BYTES - this.#cutBytes));
    this.#cutBytes += taken;
    if (this.#cutBytes === HEAD_BYTES) {
      this.#take(this.#cut, 0);
      this.#cutBytes = 0;
    }
    return from + taken;
  }

  #take(bytes: Buffer, mark: number): void {
    const number = digits(bytes, mark + 1, NUMBER_DIGITS);
    if (number === this.last + 1) {
      this.last = number;
      this.#onStamp?.(digits(bytes, mark + 2 + NUMBER_DIGITS, STAMP_DIGITS));
    } else if (number === 0 && this.last === this.#after) {
      this.warm = true;
    } else {
      this.fault ??= `line ${number} came after line ${this.last}`;
    }
  }
}
