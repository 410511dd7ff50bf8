/**
 * Chooses batch sizes that waste little memory of Redis (docs/decisions/0011). Its allocator, jemalloc, has four sizes
 * for each doubling, and each entry of a stream has an allocation of its own, so on average an eighth is lost. With
 * another allocator batches become a little smaller, and nothing else changes.
 */

/** What the stream adds to a batch in that allocation: a header, a template, and the entry's other fields. */
const ENTRY_BYTES = 80;
/** Batches of one flood compress almost alike. A batch is made smaller than its allocation by this fraction. */
const MARGIN = 0.012;
/** An allocation that is used to this fraction is full enough. */
const FULL = 0.96;
/** Smaller batches, in stored bytes, lose little and are better sent as they are. */
const MIN_BYTES = 8 * 1024;

/** Bytes of a body to leave for the next batch. `ratio`: stored bytes per byte of the body, 0 if it is not known. */
export const excessBytes = (bodyBytes: number, ratio: number): number => {
  const stored = bodyBytes * ratio + ENTRY_BYTES;
  if (stored < MIN_BYTES) return 0;
  const step = 2 ** (Math.floor(Math.log2(stored)) - 2);
  const allocation = Math.floor(stored / step) * step;
  if (stored <= allocation * (1 - MARGIN / 2) || stored >= (allocation + step) * FULL) return 0;
  return Math.floor(bodyBytes - (allocation * (1 - MARGIN) - ENTRY_BYTES) / ratio);
};
