/** The result of a case: one line of the table. */
export interface Verdict {
  /** Faults that were actually injected. */
  readonly faults: number;
  /** Lines that all viewers received together. */
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  /** Lines out of order, and different lines with the same seq. */
  readonly disordered: number;
  readonly stuck: number;
  readonly endRight: boolean;
  /** Null if the end has no digest to compare with. */
  readonly digestRight: boolean | null;
  /** Lines that viewers of the plain design lost in the same case, and how many they should have received. */
  readonly plainLost: number;
  readonly plainOf: number;
  /** Other measurements. */
  readonly notes: readonly string[];
  /** Other failures; a case with one fails. */
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

/** Most problems that are shown of one case. */
const TOLD = 20;

/** The result of a case with many scenes. A scene without a fault is a problem. */
export const together = (verdicts: readonly Verdict[], notes: readonly string[] = []): Verdict => {
  const sum = (of: (verdict: Verdict) => number): number => verdicts.reduce((all, one) => all + of(one), 0);
  const digests = verdicts.flatMap(({ digestRight }) => (digestRight === null ? [] : [digestRight]));
  const problems = verdicts.flatMap((one) => one.problems);
  const none = verdicts.filter((one) => one.faults === 0).length;
  if (none > 0) problems.push(`no fault was injected in ${none} of ${verdicts.length} scenes`);
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
