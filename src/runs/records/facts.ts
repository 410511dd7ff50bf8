/** Reads what a filter compares of runs. */
import type { Redis } from 'ioredis';
import type { RunId } from '../../domain/ids.ts';
import type { RunFacts, RunMatcher } from './runFilter.ts';
import type { MarkedRun } from './runs.ts';
import { readDetailBytes, readDetails, readHeads, readSummaries } from './store.ts';

/** Stored bytes of large members that are held at once. */
const TOGETHER_BYTES = 512 * 1024;
/**
 * Stored bytes of command, labels and failure of one run: their limits, with room for escaped characters. A larger record is
 * not the service's: an attempt can write its own.
 */
const MOST_BYTES = 1024 * 1024;
/** Of a run whose large members were not read. */
const UNREAD = { failure: null, hasText: false } as const;
const ALL: RunMatcher = { matches: () => true, details: [], hasText: () => true };

/** The facts, and the stored bytes of large members that were read for them. */
export interface ReadFacts {
  readonly facts: readonly (RunFacts | null)[];
  readonly bytes: number;
}

/**
 * In the order of the ids; null where there is no record. The large members of a run are read only if the small ones match.
 * @throws the connection's error; the signal's reason
 */
export const readFacts = async (
  redis: Redis,
  ids: readonly RunId[],
  matcher: RunMatcher,
  signal: AbortSignal,
): Promise<ReadFacts> => {
  const heads: readonly (RunFacts | null)[] = await readHeads(redis, ids);
  const { details: names } = matcher;
  if (names.length === 0) return { facts: heads, bytes: 0 };
  const possible = heads.filter((head) => head !== null).filter(matcher.matches);
  const sizes = await readDetailBytes(
    redis,
    possible.map(({ id }) => ({ id, names })),
  );
  const sized = possible
    .map((head, i) => ({ head, bytes: (sizes[i] ?? []).reduce((sum, size) => sum + size, 0) }))
    .filter(({ bytes }) => bytes <= MOST_BYTES);
  const found = new Map<RunId, RunFacts>();
  for (const part of partsOf(sized)) {
    const wanted = part.map(({ id }) => ({ id, names }));
    const read = await readDetails(redis, wanted, [], signal);
    for (const [i, head] of part.entries()) {
      const details = read[i] ?? {};
      found.set(head.id, {
        ...head,
        failure: details.failure?.reason ?? null,
        hasText: matcher.hasText(head, details),
      });
    }
  }
  return {
    facts: heads.map((head) => head && (found.get(head.id) ?? { ...head, ...UNREAD })),
    bytes: sized.reduce((sum, { bytes }) => sum + bytes, 0),
  };
};

/** In parts of at most TOGETHER_BYTES, or one. */
function* partsOf(sized: readonly { readonly head: RunFacts; readonly bytes: number }[]): Generator<RunFacts[]> {
  let part: RunFacts[] = [];
  let total = 0;
  for (const { head, bytes } of sized) {
    if (part.length > 0 && total + bytes > TOGETHER_BYTES) {
      yield part;
      [part, total] = [[], 0];
    }
    part.push(head);
    total += bytes;
  }
  if (part.length > 0) yield part;
}

/** Summaries with what the matcher compares, in the order of the ids. @throws as readFacts */
export const readMarked = async (
  redis: Redis,
  ids: readonly RunId[],
  matcher: RunMatcher | null,
  signal: AbortSignal,
): Promise<(MarkedRun | null)[]> => {
  // A run can have matched with an earlier status: its large members are compared too.
  const every: RunMatcher = { ...(matcher ?? ALL), matches: () => true };
  const [runs, { facts }] = await Promise.all([readSummaries(redis, ids), readFacts(redis, ids, every, signal)]);
  return runs.map((run, i) => run && { labelMarks: '', ...facts[i], ...run });
};
