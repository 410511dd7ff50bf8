/** A reader gets of a LinesDropped the part that it asked for. */
import type { RunEvent, Seq } from './events.ts';

/**
 * The event as it lies between `after` and `before`, both exclusive; null where it does not. Only a
 * LinesDropped that stands for a range can be cut: what its bytes and lines were is not known for a part of it.
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
