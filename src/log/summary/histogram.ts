/** The log in parts of equal time. Pure. */
import type { EpochMs, Seq } from '../../domain/events.ts';
import { differenceOf, type LevelCounts } from '../../wire/logIndex/batchFacts.ts';
import type { LogIndex } from '../../wire/logIndex/logIndex.ts';
import { FIRST_MARK, markAt } from '../../wire/logIndex/marks.ts';

export interface LogBucket {
  readonly fromSeq: Seq;
  readonly seq: Seq;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly levels: LevelCounts;
}

/**
 * At most so many parts of equal time; those without events are left out. The borders lie at marks, so an event near the
 * border can be in the next part; the counts are exactly those of the events from fromSeq to seq.
 */
export const histogramOf = ({ state, marks }: LogIndex, buckets: number): readonly LogBucket[] => {
  const span = state.maxAt - state.firstAt;
  const parts = span === 0 ? 1 : buckets;
  const borderOf = (part: number): EpochMs => state.firstAt + Math.round((span * part) / parts);
  const end = markAt(state.seq + 1, state);
  const found: LogBucket[] = [];
  let [start, at] = [FIRST_MARK, 0];
  for (let part = 0; part < parts; part += 1) {
    const to = borderOf(part + 1);
    let cut = start;
    for (let mark = marks[at]; mark !== undefined && mark.maxAt < to; mark = marks[at]) {
      cut = mark;
      at += 1;
    }
    if (part === parts - 1) cut = end;
    if (cut.seq <= start.seq) continue;
    const levels = differenceOf(cut.levels, start.levels);
    found.push({ fromSeq: start.seq, seq: cut.seq - 1, from: borderOf(part), to, levels });
    start = cut;
  }
  return found;
};
