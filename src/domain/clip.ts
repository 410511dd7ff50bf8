/** Cuts an event to the range of seqs that a reader asked for. */
import type { RunEvent, Seq } from './events.ts';

/**
 * The part of the event between `after` and `before`, both exclusive; null if there is none. Only a LinesDropped that
 * stands for a range can be cut. Its bytes and lines are null then: they are known only for the whole range.
 */
export const clipBetween = (event: RunEvent, after: Seq, before: Seq): RunEvent | null => {
  if (event.kind !== 'LinesDropped' || event.fromSeq === event.seq) {
    return event.seq > after && event.seq < before ? event : null;
  }
  const fromSeq = Math.max(event.fromSeq, after + 1);
  const seq = Math.min(event.seq, before - 1);
  if (fromSeq > seq) return null;
  if (fromSeq === event.fromSeq && seq === event.seq) return event;
  return { ...event, fromSeq, seq, count: seq - fromSeq + 1, droppedBytes: null, droppedLines: null };
};
