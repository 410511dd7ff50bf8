/** Which groups of a log are folded, and what is left between them. Pure. */
import type { LogGroup, Overview } from './overview.ts';

/** A folded group. Its events between both ends are neither shown nor loaded. */
export interface Fold {
  /** seq of its GroupStarted, which is shown. */
  readonly seq: number;
  readonly endSeq: number;
  readonly group: LogGroup;
  /** Events in the folded groups before this one. */
  readonly hiddenBefore: number;
}
/** Events from `from` to `to` that no folded group hides. */
export interface Stretch {
  readonly from: number;
  /** seq of the first event of `fold`, or Infinity. */
  readonly to: number;
  readonly fold: Fold | null;
}
export interface Folds {
  /** Outermost folded groups, in seq order. */
  readonly all: readonly Fold[];
  /** In seq order. The last one has no end. */
  readonly stretches: readonly Stretch[];
}

/** What the reader has chosen. Everything else follows the rule: a group that succeeded is folded. */
export interface FoldChoices {
  readonly opened: ReadonlySet<number>;
  readonly closed: ReadonlySet<number>;
  /** `rule`: as said above. */
  readonly others: 'rule' | 'open' | 'closed';
}
export const NO_CHOICES: FoldChoices = { opened: new Set(), closed: new Set(), others: 'rule' };

/** Events that can follow the last group of a failed run: AttemptFinished, StatusChanged, ContainerEvent, RunFinished. */
const AFTER_LAST_GROUP = 4;

/** The groups in which a run failed: they reach to its end, one right after the other. */
const failedGroups = ({ status, stats, groups }: Overview): ReadonlySet<number> => {
  const failed = new Set<number>();
  if (status !== 'FAILED' && status !== 'CANCELLED') return failed;
  const ends = new Map(groups.map(({ seq, endSeq }) => [endSeq ?? 0, seq]));
  let end = Math.max(0, ...ends.keys());
  if (end < stats.lastSeq - AFTER_LAST_GROUP) return failed;
  for (let seq = ends.get(end); seq !== undefined; end -= 1, seq = ends.get(end)) failed.add(seq);
  return failed;
};

/** A group can be folded when it has ended and nothing is missing in it: holes are always shown. */
export const canFold = ({ stats }: Overview, { seq, endSeq }: LogGroup): boolean =>
  endSeq !== null && !stats.missing.some((hole) => hole.fromSeq <= endSeq && hole.seq >= seq);

export const foldsOf = (overview: Overview | null, { opened, closed, others }: FoldChoices): Folds => {
  if (overview === null) return NO_FOLDS;
  const failed = failedGroups(overview);
  const isFolded = (group: LogGroup): boolean => {
    if (opened.has(group.seq)) return false;
    if (closed.has(group.seq) || others !== 'rule') return closed.has(group.seq) || others === 'closed';
    return group.errors === 0 && !failed.has(group.seq);
  };
  const all: Fold[] = [];
  let hiddenBefore = 0;
  for (const group of overview.groups) {
    const { seq, endSeq } = group;
    if (endSeq === null || seq < (all.at(-1)?.endSeq ?? 0) || !canFold(overview, group) || !isFolded(group)) continue;
    all.push({ seq, endSeq, group, hiddenBefore });
    hiddenBefore += endSeq - seq - 1;
  }
  return { all, stretches: stretchesOf(all) };
};

const stretchesOf = (folds: readonly Fold[]): readonly Stretch[] => [
  ...folds.map((fold, at) => ({ from: folds[at - 1]?.endSeq ?? 1, to: fold.seq, fold })),
  { from: folds.at(-1)?.endSeq ?? 1, to: Number.POSITIVE_INFINITY, fold: null },
];
export const NO_FOLDS: Folds = { all: [], stretches: stretchesOf([]) };

/** The last fold that begins before an event. */
const foldBefore = (folds: readonly Fold[], isBefore: (fold: Fold) => boolean): Fold | undefined => {
  let [low, high] = [0, folds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const fold = folds[middle];
    if (fold !== undefined && isBefore(fold)) low = middle + 1;
    else high = middle;
  }
  return folds[low - 1];
};

/** The fold that hides an event; null: it is not hidden. */
export const foldAt = ({ all }: Folds, seq: number): Fold | null => {
  const fold = foldBefore(all, (one) => one.seq < seq);
  return fold !== undefined && seq < fold.endSeq ? fold : null;
};
/** Where an event is shown: itself, or the first event of the folded group or of the hole that it is in. */
export const shownAt = (folds: Folds, overview: Overview | null, seq: number): number => {
  const hole = overview?.stats.missing.find((one) => one.fromSeq <= seq && seq <= one.seq);
  return foldAt(folds, seq)?.seq ?? hole?.fromSeq ?? seq;
};

const hiddenIn = ({ seq, endSeq }: Fold): number => endSeq - seq - 1;

/** The number of an event among those that are shown, from 1. */
export const positionOf = (folds: Folds, seq: number): number => {
  const fold = foldBefore(folds.all, (one) => one.seq < seq);
  if (fold === undefined) return seq;
  return seq < fold.endSeq ? fold.seq - fold.hiddenBefore : seq - fold.hiddenBefore - hiddenIn(fold);
};
/** The reverse of `positionOf`. */
export const seqAtPosition = (folds: Folds, position: number): number => {
  const fold = foldBefore(folds.all, ({ seq, hiddenBefore }) => seq - hiddenBefore < position);
  return fold === undefined ? position : position + fold.hiddenBefore + hiddenIn(fold);
};

/** The groups around an event, outermost first. */
export const groupsAround = (overview: Overview | null, seq: number): readonly LogGroup[] =>
  overview?.groups.filter((group) => group.seq < seq && (group.endSeq === null || group.endSeq > seq)) ?? [];
