/** What a case came to: one line of the table. */
export interface Verdict {
  /** Faults that were really put in. */
  readonly faults: number;
  /** Lines that viewers got, all together. */
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  /** Lines out of order, and other lines under a seq that was seen. */
  readonly disordered: number;
  readonly stuck: number;
  readonly endRight: boolean;
  /** Null where the end has none to be checked with. */
  readonly digestRight: boolean | null;
  /** Lines that viewers of the plain design missed in the same case, and how many there were to get. */
  readonly plainLost: number | null;
  readonly plainOf: number;
  /** What else was measured. */
  readonly notes: readonly string[];
  /** What is wrong beside the counts; a case with one fails. */
  readonly problems: readonly string[];
}

export const passed = (verdict: Verdict): boolean =>
  verdict.faults > 0 &&
  verdict.lost === 0 &&
  verdict.repeated === 0 &&
  verdict.disordered === 0 &&
  verdict.stuck === 0 &&
  verdict.endRight &&
  verdict.digestRight !== false &&
  verdict.problems.length === 0;
