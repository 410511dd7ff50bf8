/** Checks that a log which was followed from its start, without a filter, is complete. Works in browsers and Node.js. */

/** The fields that the check needs of each event; the document FollowLog selects them. */
export interface ProofEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly attempt: number;
  readonly fromSeq?: number;
  readonly stream?: string;
  readonly message?: string;
  readonly digest?: string | null;
}

/**
 * Checks the seqs of the events for gaps, and the digest of the last attempt's lines. Needs `crypto.subtle`, which browsers
 * provide on https and on localhost only.
 * @param events all events of the run, in order
 * @returns null if nothing is missing, else a sentence that says what is
 */
export const whatIsMissing = async (events: readonly ProofEvent[]): Promise<string | null> => {
  let next = 1;
  for (const { seq, fromSeq } of events) {
    const first = fromSeq ?? seq;
    if (first !== next) return `Event ${next} is missing: event ${first} came in its place.`;
    next = seq + 1;
  }
  const end = events.at(-1);
  if (end?.__typename !== 'RunFinished') return 'The run has not finished.';
  const dropped = events.some(({ __typename }) => __typename === 'LinesDropped');
  // There is no digest if no executor wrote the end. If lines were dropped, LinesDropped has reported them.
  if (dropped || end.digest === null || end.digest === undefined) return null;
  const lines = events.filter(
    ({ __typename, stream, attempt }) => __typename === 'LogLine' && stream !== 'SYSTEM' && attempt === end.attempt,
  );
  const text = lines.map(({ message }) => `${message}\n`).join('');
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const digest = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digest === end.digest
    ? null
    : 'The lines differ from those of the run: their digest is not the one in RunFinished.';
};
