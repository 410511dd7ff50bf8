/** What a viewer can prove about a log of numbered lines ("line 7 of 50000"), event by event, in little memory. */
import { createHash, type Hash } from 'node:crypto';

export interface SeenEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly fromSeq?: number;
  readonly count?: number;
  readonly reason?: string;
  readonly stream?: string;
  readonly message?: string;
  readonly finalStatus?: string;
  readonly failure?: { readonly reason: string } | null;
  readonly lines?: number;
  readonly dropped?: number;
  readonly digest?: string | null;
}

export class LogAudit {
  /** Number of seqs that were skipped. */
  lost = 0;
  repeated = 0;
  /** Lines that came after a line with a greater number. */
  disordered = 0;
  /** Different events with the same seq, and lines that the command did not print. */
  altered = 0;
  /** Number of lines, without repeats. */
  lines = 0;
  /** Events that LinesDropped stood for, and the reasons. */
  dropped = 0;
  readonly reasons = new Set<string>();
  finished: SeenEvent | null = null;
  ends = 0;
  #last = 0;
  #lastLine = 0;
  readonly #numbers: number[] | null;
  readonly #hash: Hash | null;

  /** `light`: for a thousand viewers. It keeps nothing per event, so it cannot tell a repeat from an altered event, and has no digest. */
  constructor({ light = false } = {}) {
    this.#numbers = light ? null : [];
    this.#hash = light ? null : createHash('sha256');
  }

  /** seq of the last event. */
  get last(): number {
    return this.#last;
  }
  /** SHA-256 of the lines, computed as RunFinished.digest is. */
  get digest(): string | null {
    return this.#hash?.copy().digest('hex') ?? null;
  }

  take(event: SeenEvent): void {
    const number = event.__typename === 'LogLine' ? numberOf(event) : event.__typename.length * -1;
    if (event.seq <= this.#last) {
      if (this.#numbers === null || this.#numbers[event.seq] === number) this.repeated += 1;
      else this.altered += 1;
      return;
    }
    const first = event.fromSeq ?? event.seq;
    if (first > this.#last + 1) this.lost += first - this.#last - 1;
    if (first <= this.#last) this.altered += 1;
    this.#last = event.seq;
    if (this.#numbers !== null) this.#numbers[event.seq] = number;
    if (this.finished !== null) this.altered += 1;
    if (event.__typename === 'LinesDropped') {
      this.dropped += event.count ?? 0;
      this.reasons.add(event.reason ?? '');
    }
    if (event.__typename === 'RunFinished') {
      this.finished = event;
      this.ends += 1;
    }
    if (event.__typename !== 'LogLine' || event.stream === 'SYSTEM') return;
    if (number <= 0) this.altered += 1;
    else if (number <= this.#lastLine) this.disordered += 1;
    this.#lastLine = number;
    this.lines += 1;
    this.#hash?.update(`${event.message}\n`);
  }
}

const numberOf = (event: SeenEvent): number =>
  Number(/^line (\d+) of \d+(?: [0-9a-f]+)?$/.exec(event.message ?? '')?.[1] ?? -1);

/** The digest of a complete log of numbered lines. */
export const digestOfLines = (count: number): string => {
  const hash = createHash('sha256');
  for (let i = 1; i <= count; i += 1) hash.update(`line ${i} of ${count}\n`);
  return hash.digest('hex');
};
