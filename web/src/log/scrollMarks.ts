/** What the scroll bar shows besides the place: errors, holes, hits. Pure. */
import { type Folds, positionOf } from './window/folds.ts';
import type { Overview } from './window/overview.ts';

export interface ScrollMark {
  readonly kind: 'hit' | 'error' | 'hole';
  /** Places among the events that are shown, from 1. */
  readonly from: number;
  readonly to: number;
}

type Bucket = Overview['buckets'][number];
const hasErrors = ({ levels }: Bucket): boolean =>
  levels.some(({ level, lines }) => lines > 0 && (level === 'ERROR' || level === 'CRITICAL'));

/** @param hits seqs of the hits of the search, as far as they are known */
export const scrollMarks = (
  overview: Overview | null,
  hits: readonly number[],
  folds: Folds,
): readonly ScrollMark[] => {
  const mark = (kind: ScrollMark['kind'], from: number, to = from): ScrollMark => ({
    kind,
    from: positionOf(folds, from),
    to: positionOf(folds, to),
  });
  const { firstError, lastError, missing } = overview?.stats ?? { firstError: null, lastError: null, missing: [] };
  const inParts = (overview?.buckets ?? []).filter(hasErrors).map(({ fromSeq, seq }) => ({
    from: Math.max(fromSeq, firstError ?? 1),
    to: Math.min(seq, lastError ?? seq),
  }));
  return [
    ...inParts.map(({ from, to }) => mark('error', from, to)),
    ...missing.map(({ fromSeq, seq }) => mark('hole', fromSeq, seq)),
    ...hits.map((seq) => mark('hit', seq)),
  ];
};
