/** One page of hits (Run.search). */
import { LimitExceeded } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LogReader } from '../log/viewer.ts';
import type { FoundHit, ScanRequest } from './logScan.ts';
import type { Searches } from './searches.ts';

export interface SearchPage {
  /** In seq order. */
  readonly hits: readonly FoundHit[];
  /** The first and the last seq that were looked at, in the order of reading. */
  readonly scannedFrom: Seq;
  readonly scannedTo: Seq;
  /** Nothing is left to be looked at. */
  readonly done: boolean;
}

/** What all searches of one request can use together. */
export class SearchBudget {
  #bytes: number = LIMITS.requestSearchBytes;
  #ms: number = LIMITS.requestSearchMs;

  get isUsedUp(): boolean {
    return this.#bytes <= 0 || this.#ms <= 0;
  }

  spend(bytes: number, ms: number): void {
    this.#bytes -= bytes;
    this.#ms -= ms;
  }
}

export interface PageSearch {
  readonly searches: Searches;
  readonly reader: LogReader;
  /** Who searches: its turns are used. */
  readonly caller: string;
  readonly budget: SearchBudget;
  readonly signal: AbortSignal;
}

/** Characters of lines in one page: then it is returned short. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
/** Milliseconds after which a page is returned short if another search of the caller waits. */
const SHARE_MS = 500;

/** @param most hits in the page. @throws LimitExceeded if the request's budget is used up; as CallerTurns.run and scanLog */
export const searchPage = (
  { searches, reader, caller, budget, signal }: PageSearch,
  request: ScanRequest,
  most: number,
): Promise<SearchPage> =>
  searches.turns.run(
    caller,
    async () => {
      if (budget.isUsedUp) {
        throw new LimitExceeded('Too many searches in one request: they take too long together. Use several requests.');
      }
      const hits: FoundHit[] = [];
      let characters = 0;
      const until = performance.now() + SHARE_MS;
      let begun = performance.now();
      let page: SearchPage | null = null;
      for await (const step of searches.scan(reader, request, () => most - hits.length, signal)) {
        hits.push(...step.hits);
        for (const { event } of step.hits) characters += event.message.length;
        const now = performance.now();
        budget.spend(step.bytes, now - begun);
        begun = now;
        const scannedFrom = request.isBackward ? Math.min(request.before - 1, step.lastSeq) : request.after + 1;
        page = { hits, scannedFrom, scannedTo: step.scannedTo, done: step.done };
        if (hits.length >= most || characters > MOST_CHARACTERS || budget.isUsedUp) break;
        if (now > until && searches.turns.isAwaited(caller)) break;
      }
      if (page === null) throw new TypeError('a scan has at least one step');
      return request.isBackward ? { ...page, hits: hits.reverse() } : page;
    },
    signal,
  );
