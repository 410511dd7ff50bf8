/**
 * Counts and checks lines in the bytes that a viewer receives, without parsing what surrounds them. The numbers of the
 * lines must follow each other: a lost, repeated or moved line is a fault.
 */
import { HEAD_BYTES, MARK, NUMBER_DIGITS, STAMP_DIGITS } from '../lines.ts';

export interface ScanOptions {
  /** Number of the line before the first one that is due; default 0. */
  readonly after?: number;
  /** Only lines with a number that is divisible by this are due: a filter removes the others. Default 1: all lines. */
  readonly every?: number;
  /** How often each line comes: as often as the selection has its message. Default 1. */
  readonly copies?: number;
  /** Called with the stamp of every line. Leave it out if latencies are not measured. */
  readonly onStamp?: (stamp: number) => void;
}

const digits = (bytes: Buffer, from: number, count: number): number => {
  let value = 0;
  for (let i = from; i < from + count; i += 1) value = value * 10 + (bytes[i] ?? 0) - 0x30;
  return value;
};

export class LineScanner {
  /** Whether a line with number 0 came, which shows that this viewer is served. */
  warm = false;
  /** The first line that was not due. */
  fault: string | null = null;
  /** Number of lines so far. */
  lines = 0;
  readonly #every: number;
  readonly #copies: number;
  /** Number of the line that is due. */
  #next: number;
  /** How often it has come. */
  #copy = 0;
  readonly #onStamp: ScanOptions['onStamp'];
  /** The head of a line that is split between two pieces. */
  readonly #cut = Buffer.alloc(HEAD_BYTES);
  #cutBytes = 0;
  /** Last distance between two marks: most lines have the same size, so the next mark is often there. */
  #stride = HEAD_BYTES;

  constructor({ after = 0, every = 1, copies = 1, onStamp }: ScanOptions = {}) {
    this.#every = every;
    this.#copies = copies;
    this.#next = (Math.floor(after / every) + 1) * every;
    this.#onStamp = onStamp;
  }

  /** Every line that is due up to this number has come. */
  get last(): number {
    return this.#next - 1;
  }

  /** Takes the next piece of payload, bytes `from` to `to`. The memory may be reused afterwards. */
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
