import type { Seq } from '../../domain/events.ts';
import type { RunSummary } from '../../domain/run.ts';
import type { PieceSource } from '../pieces.ts';

/** One of the runs that a follower follows. */
export interface FollowedRun {
  /** As it was last read. */
  run: RunSummary;
  /** Null while its log is being opened. */
  pieces: PieceSource | null;
  /** The client knows of it. */
  joined: boolean;
  /** What the client has; null before the first piece. */
  position: Seq | null;
  /** It no longer matches: it is left at this position. Null: it is followed to its end. */
  until: Seq | null;
  /** It has one of the seats for reading pages. */
  reading: boolean;
  /** What went wrong while it waited. */
  failure: { readonly error: unknown } | null;
}
