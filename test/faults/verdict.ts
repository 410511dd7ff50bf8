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

/** Verdicts of several rounds of one case, as one. */
export const sum = (verdicts: readonly Verdict[]): Verdict => {
  const total = (of: (one: Verdict) => number): number => verdicts.reduce((all, one) => all + of(one), 0);
  const digests = verdicts.map((one) => one.digestRight);
  return {
    faults: total((one) => one.faults),
    delivered: total((one) => one.delivered),
    lost: total((one) => one.lost),
    repeated: total((one) => one.repeated),
    disordered: total((one) => one.disordered),
    stuck: total((one) => one.stuck),
    endRight: verdicts.every((one) => one.endRight),
    digestRight: digests.includes(false) ? false : digests.includes(true) ? true : null,
    plainLost: verdicts.every((one) => one.plainLost === null) ? null : total((one) => one.plainLost ?? 0),
    plainOf: total((one) => one.plainOf),
    notes: verdicts.flatMap((one) => one.notes),
    problems: verdicts.flatMap((one) => one.problems),
  };
};
