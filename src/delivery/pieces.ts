/**
 * A run's log as a viewer gets it: pieces of stored entries. All viewers cut at the same borders, so that the text of a piece
 * is made once and shared (sharedTexts.ts).
 */

import { LATER, type Source } from '../async/source.ts';
import type { RunEvent, Seq } from '../domain/events.ts';
import type { LogFilter } from '../domain/filter.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LogEntry, LogViewer, Pull } from '../log/viewer.ts';
import { clipSource, type EventSource, LinesSource, partsOf, sourcesOf } from './eventSource.ts';

/** Root fields whose sources are pieces of a log. */
export type LogField = 'runLogs' | 'runLogBatches';

/** What RunEventBatch's resolvers read. */
export interface EventBatch<Part = EventSource> {
  readonly runId: RunId;
  readonly events: readonly Part[];
  readonly lastSeq: Seq;
  readonly caughtUp: boolean;
}

/** A filter with a name, which is equal for equal filters. */
export interface NamedFilter extends LogFilter {
  readonly name: string;
  /** See readsMessages of domain/filter.ts. */
  readonly readsMessages: boolean;
}

/** Consecutive events of a log. Nothing is decoded before `events` or `parts` is called. */
export interface LogPiece {
  readonly runId: RunId;
  /** The first entry of the piece; null in an empty piece. Together with `name` it identifies the piece. */
  readonly entry: LogEntry | null;
  /** Equal for pieces of one entry with the same events and the same last position. */
  readonly name: string;
  readonly lastSeq: Seq;
  readonly caughtUp: boolean;
  /** Whether to send it even if a filter left nothing; if not, a later piece brings a later position. */
  readonly tellsPosition: boolean;
  /** The events that pass the filter. @throws CodecError */
  events(): readonly EventSource[];
  /** The same, with plain lines together unless the filter has to see each of them. @throws CodecError */
  parts(): readonly (EventSource | LinesSource)[];
}

export interface PieceOptions {
  readonly runId: RunId;
  readonly viewer: LogViewer;
  readonly filter: NamedFilter | null;
  /** Maximal events of one piece, 1 to LIMITS.batchEvents. */
  readonly maxBatch: number;
}

/**
 * Pieces of at most maxBatch events and about LIMITS.batchBytes: several whole entries, or a part of one entry, with borders
 * at multiples of maxBatch from its start. Holds at most the entries of one pull, which viewers share, and a position.
 */
export class PieceSource implements Source<LogPiece> {
  readonly #options: PieceOptions;
  #pull: Pull | null = null;
  #entry = 0;
  #position: Seq = 0;
  #caughtUp = false;
  #ended = false;

  constructor(options: PieceOptions) {
    this.#options = options;
  }

  take(): LogPiece | typeof LATER | null {
    if (this.#pull !== null) return this.#cut(this.#pull);
    if (this.#ended) return null;
    const pull = this.#options.viewer.take();
    if (pull === null || pull === LATER) return pull;
    this.#pull = pull;
    this.#entry = 0;
    this.#position = pull.after;
    this.#ended = pull.ended;
    return this.#cut(pull);
  }

  more(signal: AbortSignal): Promise<void> {
    return this.#options.viewer.more(signal);
  }

  /** After LATER: whether `more` reads a page of the log into memory. */
  get reads(): boolean {
    return this.#options.viewer.reads ?? false;
  }
  /** Whether a pull is held of which pieces are left. */
  get holds(): boolean {
    return this.#pull !== null;
  }

  close(): void {
    this.#pull = null;
    this.#ended = true;
    this.#options.viewer.close();
  }

  /** The next piece of the pull. */
  #cut(pull: Pull): LogPiece {
    const { runId, filter, maxBatch } = this.#options;
    const after = this.#position;
    const entries: LogEntry[] = [];
    let bytes = 0;
    let count = 0;
    let lastSeq = after;
    for (; this.#entry < pull.entries.length; this.#entry += 1) {
      const entry = pull.entries[this.#entry];
      if (entry === undefined || entry.lastSeq <= after) continue;
      const whole = eventsIn(entry);
      if (count > 0 && (count + whole > maxBatch || bytes + entry.size > LIMITS.batchBytes)) break;
      entries.push(entry);
      count += whole;
      bytes += entry.size;
      lastSeq = entry.lastSeq;
      if (whole <= maxBatch) continue;
      const border = entry.firstSeq + (Math.floor((after + 1 - entry.firstSeq) / maxBatch) + 1) * maxBatch - 1;
      if (border < entry.lastSeq) lastSeq = border;
      else this.#entry += 1;
      break;
    }
    this.#position = lastSeq;
    if (this.#entry >= pull.entries.length) {
      this.#pull = null;
      this.#caughtUp ||= pull.caughtUp;
      // The position can be later than the last entry.
      lastSeq = Math.max(lastSeq, pull.lastSeq);
    }
    const tellsPosition = filter === null || this.#pull === null;
    return new EntriesPiece({ runId, entries, after, lastSeq, caughtUp: this.#caughtUp, tellsPosition, filter });
  }
}

/** The part of these entries after one seq, up to another. */
interface Cut {
  readonly runId: RunId;
  readonly entries: readonly LogEntry[];
  readonly after: Seq;
  readonly lastSeq: Seq;
  readonly caughtUp: boolean;
  readonly tellsPosition: boolean;
  readonly filter: NamedFilter | null;
}

class EntriesPiece implements LogPiece {
  readonly #cut: Cut;

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  get runId(): RunId {
    return this.#cut.runId;
  }
  get entry(): LogEntry | null {
    return this.#cut.entries[0] ?? null;
  }
  get name(): string {
    const { after, lastSeq, filter } = this.#cut;
    return `${after} ${lastSeq}${filter === null ? '' : ` ${filter.name}`}`;
  }
  get lastSeq(): Seq {
    return this.#cut.lastSeq;
  }
  get caughtUp(): boolean {
    return this.#cut.caughtUp;
  }
  get tellsPosition(): boolean {
    return this.#cut.tellsPosition;
  }

  events(): readonly EventSource[] {
    const { runId, entries, after, lastSeq, filter } = this.#cut;
    return eventsOf(runId, entries, after, lastSeq, filter);
  }

  parts(): readonly (EventSource | LinesSource)[] {
    const { runId, entries, after, lastSeq, filter } = this.#cut;
    if (filter?.readsMessages) return this.events();
    const parts = entries.flatMap((entry) => partsOf(runId, entry, after, lastSeq));
    return filter === null ? parts : parts.filter((part) => filter.passes(oneOf(part)));
  }
}

/** The event, or one that represents all of the lines. */
const oneOf = (part: EventSource | LinesSource): RunEvent => {
  if (!(part instanceof LinesSource)) return part.event;
  const [event] = part.lines.events(1);
  if (event === undefined) throw new TypeError('lines are at least one');
  return event;
};

/** A LinesDropped is one event, however many seqs it covers. */
const eventsIn = (entry: LogEntry): number => (entry.isHole ? 1 : entry.lastSeq - entry.firstSeq + 1);

const eventsOf = (
  runId: RunId,
  entries: readonly LogEntry[],
  after: Seq,
  lastSeq: Seq,
  filter: NamedFilter | null,
): readonly EventSource[] => {
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && filter === null) return partOf(runId, only, after, lastSeq);
  return entries.flatMap((entry) => {
    const events = partOf(runId, entry, after, lastSeq);
    return filter === null ? events : events.filter(({ event }) => filter.passes(event));
  });
};

/** The entry's events after one seq, up to another, one by one. */
const partOf = (runId: RunId, entry: LogEntry, after: Seq, lastSeq: Seq): readonly EventSource[] => {
  const sources = sourcesOf(runId, entry);
  if (entry.isHole) return sources.flatMap((source) => clipSource(source, after, lastSeq + 1) ?? []);
  if (entry.firstSeq > after && entry.lastSeq <= lastSeq) return sources;
  return sources.slice(Math.max(after + 1 - entry.firstSeq, 0), lastSeq + 1 - entry.firstSeq);
};

/** The piece as RunEventBatch shows it. */
export const batchOf = (piece: LogPiece): EventBatch => ({
  runId: piece.runId,
  events: piece.events(),
  lastSeq: piece.lastSeq,
  caughtUp: piece.caughtUp,
});

/** What the subscribe resolvers of the log fields hand to execution.ts, which alone knows how to go through it. */
export class LogStream implements AsyncIterable<never> {
  readonly field: LogField;
  readonly pieces: PieceSource;
  constructor(field: LogField, pieces: PieceSource) {
    this.field = field;
    this.pieces = pieces;
  }
  /** Iterating by another way is an error, and must not leave the source open. */
  [Symbol.asyncIterator](): AsyncIterator<never> {
    this.pieces.close();
    throw new TypeError('a log is followed through the envelope alone');
  }
}
