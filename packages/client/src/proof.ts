/** Whether a log that was followed from its start, without a filter, is whole. For browsers and Node.js alike. */

/** What the proof needs of an event; FollowLog selects it. */
export interface ProofEvent {
  readonly __typename: string;
  readonly seq: number;
  readonly attempt: number;
  readonly fromSeq?: number;
  readonly stream?: string;
  readonly message?: string;
  readonly digest?: string | null;
}

/** Null where nothing is missing; else a sentence that says what is. */
export const whatIsMissing = async (events: readonly ProofEvent[]): Promise<string | null> => {
  let next = 1;
  for (const { seq, fromSeq } of events) {
    const first = fromSeq ?? seq;
    if (first !== next) return `Event ${next} was expected, and ${first} came.`;
    next = seq + 1;
  }
  const end = events.at(-1);
  if (end?.__typename !== 'RunFinished') return 'The run has not finished.';
  const dropped = events.some(({ __typename }) => __typename === 'LinesDropped');
  // Without a digest no executor had the last word; with dropped lines the service has said what is not there.
  if (dropped || end.digest === null || end.digest === undefined) return null;
  const lines = events.filter(
    ({ __typename, stream, attempt }) => __typename === 'LogLine' && stream !== 'SYSTEM' && attempt === end.attempt,
  );
  const text = lines.map(({ message }) => `${message}\n`).join('');
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const digest = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digest === end.digest ? null : 'The digest of the lines is not the one that the run ended with.';
};
