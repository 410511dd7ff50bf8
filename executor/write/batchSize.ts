/**
 * How large a stored batch should be. Redis' allocator, jemalloc, has four sizes to each doubling, and an entry of a
 * stream has memory of its own: what it does not fill is lost, an eighth on average. With another allocator
 * batches are a little smaller, and that is all.
 */

/** What the stream adds to a batch in its memory: a header, a template, and the entry's other fields. */
const ENTRY_BYTES = 80;
/** Batches of one flood compress alike, but not quite: a batch is made so much smaller than its place. */
const MARGIN = 0.012;
/** A place this full is full enough. */
const FULL = 0.96;
/** Stored bytes; below, the loss is small, and the batch had better leave as it is. */
const LEAST_BYTES = 8 * 1024;

/** Bytes of a body that had better go with the next batch. `ratio`: stored bytes for each of the body; 0: not known. */
export const excessBytes = (bodyBytes: number, ratio: number): number => {
  const stored = bodyBytes * ratio + ENTRY_BYTES;
  if (stored < LEAST_BYTES) return 0;
  const step = 2 ** (Math.floor(Math.log2(stored)) - 2);
  const place = Math.floor(stored / step) * step;
  if (stored <= place * (1 - MARGIN / 2) || stored >= (place + step) * FULL) return 0;
  return Math.floor(bodyBytes - (place * (1 - MARGIN) - ENTRY_BYTES) / ratio);
};
