/** Hits as they are found (runLogSearch): history first, then live lines where asked. */
import { pause } from '../async/pause.ts';
import type { PullSource } from '../async/pullIterator.ts';
import { LATER } from '../async/source.ts';
import { Unavailable } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { LogHub, LogReader, LogViewer } from '../log/viewer.ts';
import { type FoundHit, type ScanRequest, scanEntries } from './logScan.ts';
import type { Searches } from './searches.ts';

export interface SearchProgress {
  readonly runId: RunId;
  /** In seq order. */
  readonly hits: readonly FoundHit[];
  /** Hits so far. */
  readonly found: number;
  readonly scannedTo: Seq;
  /** Nothing is left to be looked at. */
  readonly done: boolean;
}

export interface SourceOptions {
  readonly searches: Searches;
  readonly reader: LogReader;
  readonly hub: LogHub;
  /** Who searches: its turns are used. */
  readonly caller: string;
  readonly request: Omit<ScanRequest, 'isBackward' | 'before'>;
  /** Hits in all. */
  readonly limit: number;
  /** Whether to go on with lines that come later. */
  readonly isLive: boolean;
}

/** Milliseconds between two reports: of hits, and of the position. */
const HITS_MS = 100;
const POSITION_MS = 500;
/** Hits in one report, and characters of their lines, roughly. */
const MOST_HITS = 100;
const MOST_CHARACTERS = 1024 * 1024;
const READ_AGAIN_MS = 250;
const BEYOND_ALL = 2 ** 31;

interface Step {
  readonly hits: readonly FoundHit[];
  readonly scannedTo: Seq;
  readonly done: boolean;
}

/** Nothing is read ahead of its reader but one step. */
export class SearchSource implements PullSource<SearchProgress> {
  readonly #options: SourceOptions;
  readonly #leaving = new AbortController();
  readonly #steps: AsyncGenerator<Step>;
  /** Under way. */
  #step: Promise<IteratorResult<Step, void>> | null = null;
  #found = 0;
  #scannedTo: Seq;
  #reportedAt = Number.NEGATIVE_INFINITY;
  /** What was reported as scanned; null: nothing was reported yet. */
  #reported: Seq | null = null;
  #ended = false;

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#scannedTo = options.request.after;
    this.#steps = steps(options, () => options.limit - this.#found, this.#leaving.signal);
  }

  async next(): Promise<SearchProgress | null> {
    const hits: FoundHit[] = [];
    let characters = 0;
    while (!this.#ended) {
      const step = await this.#nextStep(hits.length > 0 ? HITS_MS : POSITION_MS);
      if (step === null) {
        if (hits.length > 0 || this.#scannedTo !== this.#reported) return this.#report(hits, false);
        continue;
      }
      hits.push(...step.hits);
      for (const { event } of step.hits) characters += event.message.length;
      this.#found += step.hits.length;
      this.#scannedTo = step.scannedTo;
      this.#ended = step.done || this.#found >= this.#options.limit;
      const sinceMs = performance.now() - this.#reportedAt;
      const isDue = sinceMs >= (hits.length > 0 ? HITS_MS : POSITION_MS);
      if (this.#ended || isDue || hits.length >= MOST_HITS || characters > MOST_CHARACTERS) {
        return this.#report(hits, step.done);
      }
    }
    return null;
  }

  close(): void {
    this.#ended = true;
    this.#leaving.abort();
    this.#step?.catch(() => undefined);
    void this.#steps.return(undefined).catch(() => undefined);
  }

  /** The next step, or null if it takes longer. */
  async #nextStep(ms: number): Promise<Step | null> {
    this.#step ??= this.#steps.next();
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), Math.max(ms - (performance.now() - this.#reportedAt), 0) || ms);
    try {
      const result = await Promise.race([this.#step, late.promise]);
      if (result === null) return null;
      this.#step = null;
      if (result.done === true) throw new TypeError('a search ends with a step that is done');
      return result.value;
    } finally {
      clearTimeout(timer);
    }
  }

  #report(hits: readonly FoundHit[], done: boolean): SearchProgress {
    this.#reportedAt = performance.now();
    this.#reported = this.#scannedTo;
    return { runId: this.#options.request.runId, hits, found: this.#found, scannedTo: this.#scannedTo, done };
  }
}

/** History up to its present end, then live lines where asked. The last step is done, unless the caller leaves before. */
async function* steps(options: SourceOptions, room: () => number, signal: AbortSignal): AsyncGenerator<Step> {
  let position = options.request.after;
  for await (const step of history(options, room, signal)) {
    position = step.scannedTo;
    const done = step.done && (step.isEnd || !options.isLive);
    yield { ...step, done };
    if (done) return;
  }
  const viewer = await options.hub.open(options.request.runId, { after: position }, signal);
  try {
    yield* live(options, { viewer, from: position }, room, signal);
  } finally {
    viewer.close();
  }
}

/** Waits while Redis is away. */
async function* history(
  { searches, reader, caller, request }: SourceOptions,
  room: () => number,
  signal: AbortSignal,
): AsyncGenerator<Step & { readonly isEnd: boolean }> {
  for (let position = request.after; ; ) {
    const asked = { ...request, isBackward: false, after: position, before: BEYOND_ALL };
    const scan = searches.scan(reader, asked, room, signal);
    try {
      for (;;) {
        const step = await searches.turns.run(caller, () => scan.next(), signal);
        if (step.done === true) return;
        position = step.value.scannedTo;
        yield step.value;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Unavailable)) throw error;
      await pause(READ_AGAIN_MS, signal);
    } finally {
      void scan.return(undefined).catch(() => undefined);
    }
  }
}

async function* live(
  { searches, caller, request }: SourceOptions,
  { viewer, from }: { readonly viewer: LogViewer; readonly from: Seq },
  room: () => number,
  signal: AbortSignal,
): AsyncGenerator<Step> {
  for (let position = from; ; ) {
    const pull = viewer.take();
    if (pull === LATER) {
      await viewer.more(signal);
      continue;
    }
    if (pull === null) {
      yield { hits: [], scannedTo: position, done: true };
      return;
    }
    position = pull.lastSeq;
    const part = { ...request, isBackward: false, before: BEYOND_ALL, position: pull.after, end: pull.lastSeq, room };
    const scan = scanEntries(searches.pool, pull.entries, part);
    for (let isWhole = false; !isWhole; ) {
      const step = await searches.turns.run(caller, () => scan.next(), signal);
      if (step.done === true) break;
      isWhole = step.value.isWhole;
      yield { ...step.value, done: isWhole && pull.ended };
    }
    if (pull.ended) return;
  }
}
