/** What a viewer of a run's log gets from its hub (PROTOCOL.md, part 5). Implemented by hub.ts and feedViewer.ts. */

import type { Source } from '../async/source.ts';
import type { RunEvent, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { BatchPart } from '../wire/codec.ts';
import type { StoredSummary } from './storedSummary.ts';

/**
 * One stored entry of the log, or the LinesDropped in the place of missing ones. Decoded once per process and shared by all
 * viewers: cache what is computed from it in a WeakMap keyed by this object.
 */
export interface LogEntry {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** Its events, plain lines together. Decoded at the first call. @throws CodecError */
  parts(): readonly BatchPart[];
  /** Its events, one by one. @throws CodecError */
  events(): readonly RunEvent[];
  /** Bytes on the wire, roughly. */
  readonly size: number;
  /** It is one LinesDropped for all its seqs. */
  readonly isHole: boolean;
}

/** Where a viewer starts: after a seq, or `tail` events before the newest, or at the beginning. `after` wins. */
export interface ViewFrom {
  readonly after?: Seq;
  readonly tail?: number;
}

export interface Pull {
  /** In seq order and without a gap. Only the first pull can be empty. */
  readonly entries: readonly LogEntry[];
  /** Deliver only what is after this seq: the first entry can begin before it. */
  readonly after: Seq;
  /** The position after these entries. */
  readonly lastSeq: Seq;
  /** The stored history has been delivered; what follows is live. */
  readonly caughtUp: boolean;
  /** These entries end with the run's RunFinished: nothing follows. */
  readonly ended: boolean;
}

/**
 * The log after a position. The first pull can have no entries: it says that the position is valid. `take` returns null when
 * the run has ended and everything was delivered. Nothing is buffered per viewer. `take` and `more` throw NotFound if the
 * run was removed, and BadUserInput if it ended before `after`. While Redis is away, `more` waits. `close` leaves the feed;
 * the last viewer of a run frees its Redis subscription.
 */
export interface LogViewer extends Source<Pull> {
  /** After LATER: whether `more` reads a page of the log into memory. If not (the default), it only waits. */
  readonly reads?: boolean;
}

export interface LogHub {
  /**
   * Waits while Redis is away. The signal ends the opening, which then leaves nothing behind.
   * @throws NotFound; BadUserInput (argument "after" or "tail": negative, or after beyond a finished run's end); the
   * signal's reason
   */
  open(runId: RunId, from: ViewFrom, signal?: AbortSignal): Promise<LogViewer>;
}

/** A page of stored events for Run.logs and the downloads. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** The newest seq of the run at the time of the read. */
  readonly lastSeq: Seq;
  readonly closed: boolean;
}

/** How much one read returns: about so many entries, LIMITS.pageBytes or one entry at most. */
export type PageSize =
  | number
  | {
      readonly entries: number;
      /** Bytes of batches, as stored and decompressed, for a reader that makes events of few. */
      readonly bytes: number;
    };

/** With a signal, a read waits until the connection is ready, instead of being queued on it. */
export interface LogReader {
  /** Entries with seqs after `after`, oldest first; null if there is no such run. */
  forward(runId: RunId, after: Seq, size: PageSize, signal?: AbortSignal): Promise<LogPage | null>;
  /** Entries with seqs before `before`, NEWEST first; null if there is no such run. */
  backward(runId: RunId, before: Seq, size: PageSize, signal?: AbortSignal): Promise<LogPage | null>;
  /** What is kept about the log beside its entries; null if there is no such run. `tables`: with marks and groups. */
  summary(runId: RunId, tables: boolean, signal?: AbortSignal): Promise<StoredSummary | null>;
}
