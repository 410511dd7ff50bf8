/** Plain lines as a stored batch has them: not taken apart before somebody wants single events. */
import type { EpochMs, RunEvent, Seq } from '../domain/events.ts';

/**
 * What JSON escapes (ECMA-262, QuoteJSONString), less the line break, which no line has; the backslash first. A
 * search for each in many lines at once costs a fifth of JSON.stringify line by line: most occur in none.
 */
const ESCAPES: readonly (readonly [character: string, escape: string])[] = [
  '\\',
  '"',
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).filter((character) => character !== '\n'),
].map((character) => [character, JSON.stringify(character).slice(1, -1)]);
/** Below this the searches cost more than JSON.stringify. */
const FEW_LINES = 16;

/** What all lines of a segment share. */
export interface Segment {
  readonly stream: 'STDOUT' | 'STDERR';
  readonly timestamp: EpochMs;
  readonly attempt: number;
  /** Of the batch, in UTF-8, shared by all its segments. */
  readonly body: Buffer;
}

/** At least one line of a segment, without a hole: what a flood is made of. */
export class PlainLines {
  readonly firstSeq: Seq;
  /** Number of the first line in log.txt; null in logs of older versions. */
  readonly firstLine: number | null;
  readonly #segment: Segment;
  /** Where each line begins in the body; and, one more, where the next one would. */
  readonly #starts: readonly number[];

  constructor(segment: Segment, firstSeq: Seq, starts: readonly number[], firstLine: number | null = null) {
    this.#segment = segment;
    this.firstSeq = firstSeq;
    this.firstLine = firstLine;
    this.#starts = starts;
  }

  get count(): number {
    return this.#starts.length - 1;
  }
  get lastSeq(): Seq {
    return this.firstSeq + this.count - 1;
  }

  get attempt(): number {
    return this.#segment.attempt;
  }
  get stream(): 'STDOUT' | 'STDERR' {
    return this.#segment.stream;
  }
  /** The timestamp of all of them. */
  get timestamp(): EpochMs {
    return this.#segment.timestamp;
  }

  /** Those after one seq and up to another; null where there are none. */
  between(after: Seq, lastSeq: Seq): PlainLines | null {
    if (after < this.firstSeq && lastSeq >= this.lastSeq) return this;
    const from = Math.max(after + 1 - this.firstSeq, 0);
    const to = Math.min(lastSeq + 1 - this.firstSeq, this.count);
    if (from >= to) return null;
    const firstLine = this.firstLine === null ? null : this.firstLine + from;
    return new PlainLines(this.#segment, this.firstSeq + from, this.#starts.slice(from, to + 1), firstLine);
  }

  /**
   * What stands between the quotes of each message's JSON, with a LF between two: as a byte string, which has one
   * character for each byte of UTF-8, so that it is never copied as two-byte text.
   */
  jsonMessages(): string {
    let all = this.#segment.body.toString('latin1', ...this.#range(this.count));
    if (this.count < FEW_LINES) {
      const messages = all.split('\n').map((message) => JSON.stringify(message).slice(1, -1));
      return messages.join('\n');
    }
    for (const [character, escaped] of ESCAPES) if (all.includes(character)) all = all.replaceAll(character, escaped);
    return all;
  }

  /** The lines in UTF-8, each with its LF. Shared: not to be changed. */
  bytes(): Buffer {
    return this.#segment.body.subarray(this.#starts[0], this.#starts[this.count]);
  }

  /** The messages of the first `count` of them; default: all. */
  messages(count = this.count): string[] {
    return this.#segment.body.toString('utf8', ...this.#range(count)).split('\n');
  }

  /** The first `count` of them as events; default: all. */
  events(count = this.count): RunEvent[] {
    const { stream, timestamp, attempt } = this.#segment;
    const { firstLine } = this;
    return this.messages(count).map((message, i) => {
      const seq = this.firstSeq + i;
      const line = { kind: 'LogLine', timestamp, level: 'INFO', stream, message, seq, attempt } as const;
      return firstLine === null ? line : { ...line, line: firstLine + i };
    });
  }

  /** Bytes of the first `count` lines, without the last LF. */
  #range(count: number): [from: number, to: number] {
    return [this.#starts[0] ?? 0, (this.#starts[count] ?? 1) - 1];
  }
}
