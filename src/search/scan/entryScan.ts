/** Finds the lines of one stored batch that match a query. Pure. */
import type { Seq } from '../../domain/events.ts';
import type { LogQuery } from '../../domain/logQuery.ts';
import { batchHeader, bodyOf, type EventPlace, parseDraft, readParts } from '../../wire/codec.ts';
import { PlainLines } from '../../wire/plainLines.ts';
import { type BodyFilter, bodyFilter } from './bodyFilter.ts';
import { type LineMatcher, lineMatcher } from './lineMatcher.ts';
import type { FoundLine, ScanTask } from './scanTask.ts';

/** A query that is ready to be used. */
export interface PreparedQuery {
  readonly attempt: number | null;
  readonly matcher: LineMatcher;
  readonly canHold: BodyFilter;
}

/** @throws BadPattern */
export const prepareQuery = (query: LogQuery): PreparedQuery => {
  const matcher = lineMatcher(query);
  const hasPlainLines = (['STDOUT', 'STDERR'] as const).some((stream) =>
    matcher.selects(plainSample(stream, query.attempt ?? 1)),
  );
  return { attempt: query.attempt ?? null, matcher, canHold: bodyFilter(query, hasPlainLines) };
};

const plainSample = (stream: 'STDOUT' | 'STDERR', attempt: number) =>
  ({ kind: 'LogLine', seq: 1, attempt, timestamp: 0, level: 'INFO', stream, message: '' }) as const;

export type EntryTask = Pick<ScanTask, 'isBackward' | 'after' | 'before'> & {
  /** Called before each line; true: stop here. */
  readonly isOver: () => boolean;
};

/**
 * Finds lines in the order of reading, until `add` returns false or the time is over. Returns the last seq that was
 * looked at, or null if the batch was read to its end. @throws CodecError
 */
export const scanEntry = (
  batch: Buffer,
  { attempt, matcher, canHold }: PreparedQuery,
  task: EntryTask,
  add: (line: FoundLine) => boolean,
): Seq | null => {
  const header = batchHeader(batch);
  if (header.lastSeq <= task.after || header.firstSeq >= task.before) return null;
  if (attempt !== null && header.attempt !== attempt) return null;
  const body = bodyOf(batch);
  if (!canHold(body)) return null;
  const parts = readParts(batch, body, (json, place) => ({ json, place }));
  for (const part of task.isBackward ? parts.reverse() : parts) {
    for (const candidate of candidatesOf(part, matcher, task)) {
      const { seq } = candidate;
      if (seq <= task.after || seq >= task.before) continue;
      const line = found(candidate, matcher);
      if (line !== null && !add(line)) return seq;
      if (task.isOver()) return seq;
    }
  }
  return null;
};

type StoredEvent = { readonly json: string; readonly place: EventPlace };
type Candidate = Omit<FoundLine, 'ranges'>;

/** The lines of the part, as far as they match apart from their messages. */
function* candidatesOf(part: PlainLines | StoredEvent, matcher: LineMatcher, task: EntryTask): Generator<Candidate> {
  if (!(part instanceof PlainLines)) {
    if (part.json.includes('"LogLine"')) yield { ...part.place, content: part.json };
    return;
  }
  const lines = part.between(task.after, task.before - 1);
  const [sample] = lines?.events(1) ?? [];
  if (lines === null || sample === undefined || !matcher.selects(sample)) return;
  const { attempt, firstSeq, firstLine, timestamp, stream } = lines;
  const messages = lines.messages();
  for (let i = 0; i < messages.length; i += 1) {
    const at = task.isBackward ? messages.length - 1 - i : i;
    const line = firstLine === null ? undefined : firstLine + at;
    yield { seq: firstSeq + at, attempt, content: { stream, timestamp, message: messages[at] ?? '', line } };
  }
}

const found = (candidate: Candidate, { selects, matches, rangesIn }: LineMatcher): FoundLine | null => {
  const { seq, attempt, content } = candidate;
  if (typeof content !== 'string') {
    return matches(content.message) ? { ...candidate, ranges: rangesIn(content.message) } : null;
  }
  const event = { ...parseDraft(content), seq, attempt };
  if (event.kind !== 'LogLine' || !selects(event) || !matches(event.message)) return null;
  return { ...candidate, ranges: rangesIn(event.message) };
};
