/** The output's interfaces: it reads bytes from pipes and emits events, which have no seq yet. */
import type { EpochMs, EventDraft, LogStream } from '../../src/domain/events.ts';

export type PipeStream = Extract<LogStream, 'STDOUT' | 'STDERR'>;

/**
 * Takes the events in order. `lines` is the fast path for plain lines, which make up nearly all of a flood; anything
 * else is an `event`. Neither may block: the owner of the pipes stops reading instead.
 */
export interface OutputSink {
  /**
   * `count` plain lines (level INFO, not cut) of one stream, masked, as valid UTF-8, each followed by one LF. The
   * memory of `text` is valid until the call returns.
   */
  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void;
  /** Any other event, masked. */
  event(draft: EventDraft): void;
}

/** Reads one pipe of the command. */
export interface OutputReader {
  /** Bytes of one read, which can end anywhere. `now`: the time of the read. */
  write(chunk: Buffer, now: EpochMs): void;
  /** The pipe has ended. A last line without its break becomes a line. */
  end(now: EpochMs): void;
  /**
   * Call it about every 100 ms. Emits the state of a progress bar (ended by a lone CR) that is due. Any other line
   * without its break waits for its break or the end.
   */
  tick(now: EpochMs): void;
}
