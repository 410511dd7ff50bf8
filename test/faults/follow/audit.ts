/** What a viewer can prove of a log of numbered lines ("line 7 of 50000"), event by event and in little memory. */
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
  /** Seqs that were left out. */
  lost = 0;
  repeated = 0;
  /** A line's number came after a greater one. */
  disordered = 0;
  /** Another event under a seq that was seen, or a line that nobody printed. */
  altered = 0;
  /** Lines, all of them different. */
  lines = 0;
  /** Events that a LinesDropped stood for, and how many of those there were by reason. */
  dropped = 0;
  readonly reasons = new Set<string>();
  finished: SeenEvent | null = null;
  ends = 0;
  #last = 0;
  #lastLine = 0;
  readonly #numbers: number[] | null;
  readonly #hash: Hash | null;

  /** `light`: of a thousand viewers; keeps nothing of each event, so it tells no repeat from an altered one and has no digest. */
  constructor({ light = false } = {}) {
    this.#numbers = light ? null : [];
    this.#hash = light ? null : createHash('sha256');
  }

  /** The last event's seq. */
  get last(): number {
    return this.#last;
  }
  /** SHA-256 over the lines, as RunFinished.digest has it. */
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

/** The digest of a whole log of numbered lines. */
export const digestOfLines = (count: number): string => {
  const hash = createHash('sha256');
  for (let i = 1; i <= count; i += 1) hash.update(`line ${i} of ${count}\n`);
  return hash.digest('hex');
};
