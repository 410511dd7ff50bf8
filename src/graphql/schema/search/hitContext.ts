/** The events around hits. */
import { type EventSource, eventSource, LinesSource, partsOf, sizeOf } from '../../../delivery/eventSource.ts';
import { NotFound } from '../../../domain/errors.ts';
import type { Seq } from '../../../domain/events.ts';
import type { RunId } from '../../../domain/ids.ts';
import type { LogPage, LogReader } from '../../../log/viewer.ts';
import type { FoundHit } from '../../../search/logScan.ts';
import type { LogBudget } from '../../budget/logBudget.ts';
import { type HitSource, hitSource } from './logHit.ts';

export interface ContextRequest {
  readonly runId: RunId;
  /** In seq order. */
  readonly hits: readonly FoundHit[];
  /** Events before and after each. */
  readonly context: number;
  /** The hits that are found last are left out first. */
  readonly isBackward: boolean;
}

/** The hits with their context, in seq order: as many as the request may still read. @throws NotFound if the run is removed */
export const withContext = async (
  reader: LogReader,
  { runId, hits, context, isBackward }: ContextRequest,
  budget: LogBudget,
): Promise<readonly HitSource[]> => {
  const events = new Surroundings(reader, runId);
  const made: HitSource[] = [];
  let bytes = 0;
  for (const hit of isBackward ? hits.toReversed() : hits) {
    if (made.length > 0 && (budget.events <= 0 || budget.bytes <= 0)) break;
    const { seq } = hit.event;
    const before = context === 0 ? [] : await events.between(seq - context - 1, seq - 1);
    const after = context === 0 ? [] : await events.between(seq, seq + context);
    const source = hitSource(runId, hit, { before, after });
    const size = [source.event, ...before, ...after].reduce((sum, { event }) => sum + sizeOf(event), 0);
    made.push(source);
    bytes += size;
    budget.spend(1 + before.length + after.length, size, 0);
    await budget.goOn(bytes);
  }
  return isBackward ? made.reverse() : made;
};

/** Events of a log, read once for neighbouring hits. */
class Surroundings {
  readonly #reader: LogReader;
  readonly #runId: RunId;
  /** The last page that was read, and the seq after which it begins. */
  #page: LogPage | null = null;
  #after: Seq = 0;

  constructor(reader: LogReader, runId: RunId) {
    this.#reader = reader;
    this.#runId = runId;
  }

  /** The events after one seq, up to another. A LinesDropped is clipped to them. */
  async between(given: Seq, last: Seq): Promise<readonly EventSource[]> {
    const found: EventSource[] = [];
    for (let after = Math.max(given, 0); after < last; ) {
      const { entries } = await this.#pageAfter(after);
      for (const entry of entries) {
        if (entry.lastSeq <= after || entry.firstSeq > last) continue;
        for (const part of partsOf(this.#runId, entry, after, last)) {
          if (!(part instanceof LinesSource)) found.push(part);
          else for (const event of part.lines.events()) found.push(eventSource(this.#runId, event));
        }
      }
      after = entries.at(-1)?.lastSeq ?? last;
    }
    return found;
  }

  /** A page that has the event after this seq, if there is one. */
  async #pageAfter(after: Seq): Promise<LogPage> {
    const end = this.#page?.entries.at(-1)?.lastSeq ?? 0;
    if (this.#page !== null && this.#after <= after && end > after) return this.#page;
    const page = await this.#reader.forward(this.#runId, after, 1);
    if (page === null) throw new NotFound();
    this.#page = page;
    this.#after = after;
    return page;
  }
}
