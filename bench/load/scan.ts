/**
 * Counts and checks the lines in a viewer's bytes without parsing what is around them: each line's number
 * must be one more than the last one's, so a lost, repeated or moved line is a fault.
 */
import { HEAD_BYTES, MARK, NUMBER_DIGITS, STAMP_DIGITS } from '../lines.ts';

export interface ScanOptions {
  /** The line before the first one to come; default 0. */
  readonly after?: number;
  /** Only lines whose number is divisible by this are due: a filter takes out the others. Default 1: all. */
  readonly every?: number;
  /** How often each line stands in what the server sends: more than once where a selection has its message so often. Default 1. */
  readonly copies?: number;
  /** A line's stamp; called for every line, so only where latencies are wanted. */
  readonly onStamp?: (stamp: number) => void;
}

const digits = (bytes: Buffer, from: number, count: number): number => {
  let value = 0;
  for (let i = from; i < from + count; i += 1) value = value * 10 + (bytes[i] ?? 0) - 0x30;
  return value;
};

export class LineScanner {
  /** Whether a line of number 0 came: this viewer is being served. */
  warm = false;
  /** The first line that was not the next one. */
  fault: string | null = null;
  /** Lines so far. */
  lines = 0;
  readonly #every: number;
  readonly #copies: number;
  /** Number of the line that is due. */
  #next: number;
  /** How often it has come. */
  #copy = 0;
  readonly #onStamp: ScanOptions['onStamp'];
  /** The beginning of a line whose number and stamp are cut by the end of a piece. */
  readonly #cut = Buffer.alloc(HEAD_BYTES);
  #cutBytes = 0;
  /** From a mark to the next one, last time: most lines are framed alike, so a look there finds the next. */
  #stride = HEAD_BYTES;

  constructor({ after = 0, every = 1, copies = 1, onStamp }: ScanOptions = {}) {
    this.#every = every;
    this.#copies = copies;
    this.#next = (Math.floor(after / every) + 1) * every;
    this.#onStamp = onStamp;
  }

  /** Every line up to this number has come, as far as it is due. */
  get last(): number {
    return this.#next - 1;
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
    if (number === this.#next) {
      this.#copy += 1;
      if (this.#copy < this.#copies) return;
      this.#copy = 0;
      this.#next += this.#every;
      this.lines += 1;
      this.#onStamp?.(digits(bytes, mark + 2 + NUMBER_DIGITS, STAMP_DIGITS));
    } else if (number === 0 && this.lines === 0) {
      this.warm = true;
    } else {
      this.fault ??= `line ${number} came after line ${this.#next - this.#every}`;
    }
  }
}
