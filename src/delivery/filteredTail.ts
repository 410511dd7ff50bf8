/** Where a viewer starts that asks for the last n events of those that its filter selects. */

import { type Release, Semaphore } from '../async/semaphore.ts';
import { firstSeqOf, type RunEvent, type Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LogReader, ViewFrom } from '../log/viewer.ts';
import type { BatchPart } from '../wire/codec.ts';
import { PlainLines } from '../wire/plainLines.ts';
import type { NamedFilter } from './pieces.ts';

/** Entries of one read, each of at most LIMITS.appendBytes. */
const READ_ENTRIES = 4;
/** Milliseconds that a scan runs before other work has its turn. */
const SLICE_MS = 5;
/** Long scans run two at a time; others wait as long as their client does. */
const longScans = new Semaphore(2, { what: 'long scans' });
const BEYOND_ALL = 2 ** 31;

/** What is counted: the events that the filter selects. */
type Counted = Pick<NamedFilter, 'selects' | 'readsMessages'>;

export interface TailQuery {
  readonly runId: RunId;
  readonly tail: number;
  /** Null: every event. The hub counts then. */
  readonly filter: Counted | null;
  /** Only events before this seq. Default: all. */
  readonly before?: Seq;
  /** Whether to stop at LIMITS.tailScanEvents and tailScanBytes, and to start there. Default: true. */
  readonly isBounded?: boolean;
}

/**
 * Without a filter the hub counts. With one, the log is read backward. @throws what the reader throws; the signal's reason
 */
export const fromTail = async (reader: LogReader, query: TailQuery, signal: AbortSignal): Promise<ViewFrom> => {
  const { runId, tail, filter, isBounded = true } = query;
  if (filter === null || tail === 0) return { tail };
  const maxEvents = isBounded ? LIMITS.tailScanEvents : Number.POSITIVE_INFINITY;
  const maxBytes = isBounded ? LIMITS.tailScanBytes : Number.POSITIVE_INFINITY;
  await using seat = new Seat(signal);
  let sliceEnds = performance.now() + SLICE_MS;
  let wanted = tail;
  let before = query.before ?? BEYOND_ALL;
  let events = 0;
  let bytes = 0;
  while (before > 1 && events < maxEvents && bytes < maxBytes) {
    const page = await reader.backward(runId, before, READ_ENTRIES, signal);
    // No run, or no events: the hub handles both.
    if (page === null || page.entries.length === 0) return { tail };
    for (const entry of page.entries) {
      const found = lastSelected(entry.parts(), before, wanted, filter);
      if (found.start !== null) return { after: found.start - 1 };
      wanted -= found.count;
      before = entry.firstSeq;
      events += entry.isHole ? 1 : entry.lastSeq - entry.firstSeq + 1;
      bytes += entry.size;
      if (bytes > LIMITS.largeAnswerBytes) await seat.take();
      if (performance.now() < sliceEnds) continue;
      await new Promise<void>((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
      sliceEnds = performance.now() + SLICE_MS;
    }
  }
  return { after: before - 1 };
};

/** The permit of one scan, acquired once it has become long. */
class Seat implements AsyncDisposable {
  readonly #signal: AbortSignal;
  #taken: Promise<Release> | null = null;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }
  /** @throws the signal's reason; Busy where too many wait */
  async take(): Promise<void> {
    this.#taken ??= longScans.acquire(this.#signal);
    await this.#taken;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const leave = await this.#taken?.catch(() => null);
    leave?.();
  }
}

/** Counts selected events backward from `before`. `start` is the seq at which `wanted` are reached, or null. */
const lastSelected = (
  parts: readonly BatchPart[],
  before: Seq,
  wanted: number,
  filter: Counted,
): { readonly count: number; readonly start: Seq | null } => {
  let count = 0;
  for (const part of parts.toReversed()) {
    const lines = part instanceof PlainLines ? part.between(0, before - 1) : null;
    if (lines !== null && !filter.readsMessages) {
      const [sample] = lines.events(1);
      if (sample === undefined || !filter.selects(sample)) continue;
      if (count + lines.count >= wanted) return { count: wanted, start: lines.lastSeq - (wanted - count) + 1 };
      count += lines.count;
      continue;
    }
    const events: readonly RunEvent[] = lines !== null ? lines.events() : part instanceof PlainLines ? [] : [part];
    for (const event of events.toReversed()) {
      if (event.seq >= before || !filter.selects(event)) continue;
      count += 1;
      if (count === wanted) return { count, start: firstSeqOf(event) };
    }
  }
  return { count, start: null };
};
