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
  readonly plainLost: number;
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

/** Problems that are told of one case. */
const TOLD = 20;

/** Of a case that is made of many scenes. A scene in which no fault was put in is a problem. */
export const together = (verdicts: readonly Verdict[], notes: readonly string[] = []): Verdict => {
  const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((all, one) => all + of(one), 0);
  const digests = verdicts.flatMap(({ digestRight }) => (digestRight === null ? [] : [digestRight]));
  const problems = verdicts.flatMap((one) => one.problems);
  const none = verdicts.filter((one) => one.faults === 0).length;
  if (none > 0) problems.push(`no fault was put into ${none} of ${verdicts.length}`);
  const more = problems.length - TOLD;
  return {
    faults: sum((one) => one.faults),
    delivered: sum((one) => one.delivered),
    lost: sum((one) => one.lost),
    repeated: sum((one) => one.repeated),
    disordered: sum((one) => one.disordered),
    stuck: sum((one) => one.stuck),
    endRight: verdicts.every((one) => one.endRight),
    digestRight: digests.length === 0 ? null : digests.every(Boolean),
    plainLost: sum((one) => one.plainLost),
    plainOf: sum((one) => one.plainOf),
    notes,
    problems: more > 0 ? [...problems.slice(0, TOLD), `and ${more} more`] : problems,
  };
};
