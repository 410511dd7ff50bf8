/** What the service and the threads that scan logs say to each other. All of it can be cloned. */
import type { EpochMs, LogStream, Seq } from '../../domain/events.ts';
import type { LogQuery } from '../../domain/logQuery.ts';
import type { TextRange } from '../../domain/text/ansi.ts';

export interface ScanTask {
  readonly query: LogQuery;
  /** Stored batches in the order of reading, one after the other. Empty: only the query is checked. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each batch ends. */
  readonly ends: readonly number[];
  readonly isBackward: boolean;
  /** Only lines between these seqs, both exclusive. */
  readonly after: Seq;
  readonly before: Seq;
  /** Maximum number of lines to find. */
  readonly most: number;
}

/** A line that matches. */
export interface FoundLine {
  readonly seq: Seq;
  readonly attempt: number;
  readonly ranges: readonly TextRange[];
  /** The line's JSON as it is stored, or what a plain line has. */
  readonly content: string | PlainContent;
}

export interface PlainContent {
  readonly stream: LogStream;
  readonly timestamp: EpochMs;
  readonly message: string;
  /** Undefined in logs of older versions. */
  readonly line: number | undefined;
}

export interface ScanResult {
  /** In the order of reading. */
  readonly found: readonly FoundLine[];
  /** The last seq that was looked at; null if all batches were read to their end. */
  readonly stoppedAt: Seq | null;
}

/** The answer to a task. */
export type ScanAnswer =
  | { readonly kind: 'result'; readonly result: ScanResult }
  /** The query's regular expression is not valid. */
  | { readonly kind: 'badPattern'; readonly message: string }
  | { readonly kind: 'failed'; readonly error: unknown };
