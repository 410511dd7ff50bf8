/** What a viewer of a run's log gets from its hub (PROTOCOL.md, part 5). Implemented by hub.ts. */

import type { Source } from '../async/source.ts';
import type { RunEvent, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { BatchPart } from '../wire/codec.ts';

/**
 * One stored entry of the log (or the LinesDropped in the place of some), decoded once per process and
 * SHARED by all viewers: what is computed per entry can be kept in a WeakMap keyed by this object.
 */
export interface LogEntry {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  /** What it holds, plain lines together; read at the first call, which may throw CodecError. */
  parts(): readonly BatchPart[];
  /** The same, event by event. */
  events(): readonly RunEvent[];
  /** About what it is on the wire, bytes. */
  readonly size: number;
  /** It is one LinesDropped, which stands for all its seqs. */
  readonly isHole: boolean;
}

/** Where a viewer starts: after a seq; or `tail` events before the newest; or the beginning. `after` wins. */
export interface ViewFrom {
  readonly after?: Seq;
  readonly tail?: number;
}

export interface Pull {
  /** In seq order and without a hole; may be empty in the first pull only. */
  readonly entries: readonly LogEntry[];
  /** Deliver only what is after this seq: the first entry may begin before it. */
  readonly after: Seq;
  /** Position after these entries; what is taken next goes on from here. */
  readonly lastSeq: Seq;
  /** True once the stored history has been delivered and what follows is live. */
  readonly caughtUp: boolean;
  /** True where these entries end with the run's RunFinished: nothing follows. */
  readonly ended: boolean;
}

/**
 * What follows the position. The first `take` that has anything to say answers also where nothing is there yet, with
 * no entries; null once the run has ended and all was delivered. Nothing is buffered per viewer: who does not take
 * costs nothing. `take` and `more` throw NotFound where the run was removed, BadUserInput where it ended before
 * `after`; while Redis is away `more` waits. `close` frees the viewer's place in the feed; the last viewer of a run
 * frees its Redis subscription.
 */
export type LogViewer = Source<Pull>;

export interface LogHub {
  /**
   * Waits while Redis is away; what is being opened is given up, and leaves nothing behind, once the signal aborts.
   * @throws NotFound; BadUserInput (argument "after" or "tail": negative, or after beyond a finished run's end); the
   * signal's reason
   */
  open(runId: RunId, from: ViewFrom, signal?: AbortSignal): Promise<LogViewer>;
}

/** A page of stored events for Run.logs and the downloads, read straight from the store. */
export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Position of the newest event of the run at the moment of the read. */
  readonly lastSeq: Seq;
  readonly closed: boolean;
}

/** With a signal, a connection that is away is waited for, instead of having it queue the question. */
export interface LogReader {
  /** Entries that hold seqs after `after`, oldest first, about `maxEntries`; null where the run is not there. */
  forward(runId: RunId, after: Seq, maxEntries: number, signal?: AbortSignal): Promise<LogPage | null>;
  /** Entries that hold seqs before `before`, NEWEST first; null where the run is not there. */
  backward(runId: RunId, before: Seq, maxEntries: number, signal?: AbortSignal): Promise<LogPage | null>;
}
