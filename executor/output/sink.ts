/** What the output pipeline hands on: events without a place, in the order in which they were read. */
import type { EpochMs, EventDraft, LogStream } from '../../src/domain/events.ts';

export type PipeStream = Extract<LogStream, 'STDOUT' | 'STDERR'>;

/**
 * Takes what the pipeline made. `lines` is the fast path for plain lines, which are nearly all of a
 * flood; everything else is an event. Neither may block; back-pressure is the pipe reader's duty.
 */
export interface OutputSink {
  /**
   * `count` plain lines (level INFO, not cut) of one stream, as valid UTF-8: each line's text followed
   * by one LF, nothing else. Already masked. The memory is the sink's to read until the call returns.
   */
  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void;
  /** Any other event, already masked. */
  event(draft: EventDraft): void;
}

/** One per pipe of the command. */
export interface OutputReader {
  /** Bytes as read from the pipe, at any cut; `now` is the instant of the read. */
  write(chunk: Buffer, now: EpochMs): void;
  /** End of the pipe: a last line without its break is a line. */
  end(now: EpochMs): void;
  /**
   * Time passes (about every 100 ms): emits the state of a progress bar (lone CR) that is due.
   * A line without its break that is NOT a CR state stays until its break or the end.
   */
  tick(now: EpochMs): void;
}
