/** Entries of a log as readers hold them: decoded once (again only after a garbage collection), shared by all viewers. */
import type { EpochMs, LinesDropped, RunEvent, Seq } from '../domain/events.ts';
import type { Span } from '../domain/join.ts';
import { type BatchPart, batchHeader, eventsOf, readBatch } from '../wire/codec.ts';
import type { LogEntry } from './viewer.ts';

/** Bytes of a decoded event in memory besides its text. Measured on V8: 100 to 150. */
export const EVENT_BYTES = 150;

/** A stored batch. */
export class StoredEntry implements LogEntry, Span {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly attempt: number;
  readonly closes: boolean;
  readonly isHole = false;
  readonly size: number;
  /** Bytes of the body before compression. */
  readonly bodyBytes: number;
  readonly #batch: Buffer;
  /** Weak, because viewers mostly share the text that was made of them. */
  #parts: WeakRef<readonly BatchPart[]> | null = null;
  #events: WeakRef<readonly RunEvent[]> | null = null;

  /** @throws CodecError if the bytes are not a batch */
  constructor(batch: Buffer) {
    const header = batchHeader(batch);
    this.firstSeq = header.firstSeq;
    this.lastSeq = header.lastSeq;
    this.attempt = header.attempt;
    this.closes = header.closes;
    this.bodyBytes = header.bodyBytes;
    this.size = batch.length + header.bodyBytes + (header.lastSeq - header.firstSeq + 1) * EVENT_BYTES;
    this.#batch = batch;
  }

  /** The stored bytes. Shared: not to be changed. */
  get batch(): Buffer {
    return this.#batch;
  }

  /** Whether both are the same batch. */
  equals(other: StoredEntry): boolean {
    return this.#batch.equals(other.#batch);
  }

  parts(): readonly BatchPart[] {
    const known = this.#parts?.deref();
    if (known !== undefined) return known;
    const parts = readBatch(this.#batch);
    this.#parts = new WeakRef(parts);
    return parts;
  }

  events(): readonly RunEvent[] {
    const known = this.#events?.deref();
    if (known !== undefined) return known;
    const events = eventsOf(this.parts());
    this.#events = new WeakRef(events);
    return events;
  }
}

/** The LinesDropped in the place of entries that are missing. Made for one read. */
export class DroppedEntry implements LogEntry, Span {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly closes = false;
  readonly isHole = true;
  readonly size = EVENT_BYTES;
  readonly #event: LinesDropped;

  constructor(dropped: {
    readonly firstSeq: Seq;
    readonly lastSeq: Seq;
    readonly attempt: number;
    readonly timestamp: EpochMs;
    /** Both null if this is only a part of the range, or if they were not counted. */
    readonly bytes: number | null;
    readonly lines: number | null;
    readonly reason: LinesDropped['reason'];
  }) {
    this.firstSeq = dropped.firstSeq;
    this.lastSeq = dropped.lastSeq;
    this.#event = {
      kind: 'LinesDropped',
      seq: dropped.lastSeq,
      fromSeq: dropped.firstSeq,
      attempt: dropped.attempt,
      timestamp: dropped.timestamp,
      count: dropped.lastSeq - dropped.firstSeq + 1,
      droppedBytes: dropped.bytes,
      droppedLines: dropped.lines,
      reason: dropped.reason,
    };
  }

  parts(): readonly BatchPart[] {
    return [this.#event];
  }

  events(): readonly RunEvent[] {
    return [this.#event];
  }
}
