import { isUtf8 } from 'node:buffer';
import type { EpochMs } from '../../src/domain/events.ts';
import type { Masks } from './masking/masks.ts';
import { Records } from './records/records.ts';
import type { Zone } from './records/zone.ts';
import type { OutputSink, PipeStream } from './sink.ts';
import { cutText } from './text/cut.ts';
import { mayBeSpecial, withoutPrefix } from './text/linePrefix.ts';
import type { WorkflowCommands } from './workflowCommands.ts';

/** So much more of a line is kept: ANSI sequences can divide a secret, and a longer one can be added before the line ends. */
const LOOK_BEYOND_BYTES = 4096;
/**
 * The part of a possible record or command that is read, whatever MAX_LINE_BYTES is. An output of 96 KiB can be printed
 * with escapes, and a record's level can follow a long message.
 */
const SPECIAL_BYTES = 1024 * 1024;
const LF = 0x0a;

interface LinesOptions {
  readonly sink: OutputSink;
  readonly masks: Masks;
  readonly commands: WorkflowCommands;
  readonly maxLineBytes: number;
  /** For times in records that have no offset. */
  readonly zone: Zone;
}

/** Tells plain lines, records and workflow commands of one pipe apart, and masks them. Keeps no state between calls. */
export class Lines {
  readonly #stream: PipeStream;
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #commands: WorkflowCommands;
  readonly #records: Records;
  readonly #maxLineBytes: number;

  constructor(stream: PipeStream, { sink, masks, commands, maxLineBytes, zone }: LinesOptions) {
    this.#stream = stream;
    this.#sink = sink;
    this.#masks = masks;
    this.#commands = commands;
    this.#records = new Records(masks, maxLineBytes, zone);
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes of a line to keep: those that are shown, and enough after them to find a secret at the cut. */
  get keepBytes(): number {
    return this.#maxLineBytes + this.#masks.longest + LOOK_BEYOND_BYTES;
  }

  /** The same for a line that starts with these bytes. */
  keepBytesOf(beginning: Buffer): number {
    return mayBeSpecial(beginning, 0) ? Math.max(this.keepBytes, SPECIAL_BYTES) : this.keepBytes;
  }

  /** Whole lines of any encoding and length, each with its LF and without CR. */
  lines(run: Buffer, now: EpochMs): void {
    // An invalid sequence never includes an LF, so decoding line by line would give the same.
    const valid = isUtf8(run) ? run : Buffer.from(run.toString());
    // Searching LF in a string of one-byte characters is the fastest way measured (26 ns per line).
    const text = valid.toString('latin1');
    let plainFrom = 0;
    let count = 0;
    let at = 0;
    while (at < valid.length) {
      const end = text.indexOf('\n', at);
      const long = end - at > this.#maxLineBytes;
      if (long || mayBeSpecial(valid, at)) {
        if (count > 0) this.#plain(valid.subarray(plainFrom, at), count, now);
        count = 0;
        plainFrom = end + 1;
        const line = valid.subarray(at, end);
        if (!this.special(line, now)) {
          if (long) this.#cut(this.#masks.head(line.subarray(0, this.keepBytes), this.#maxLineBytes), now);
          else this.#plain(valid.subarray(at, end + 1), 1, now);
        }
      } else count += 1;
      at = end + 1;
    }
    if (count > 0) this.#plain(valid.subarray(plainFrom), count, now);
  }

  /**
   * A line of which only the beginning and the end were kept: its event, as far as it can be read, or a cut plain line.
   */
  long(kept: Buffer, tail: Buffer, now: EpochMs): void {
    if (this.special(kept, now, tail)) return;
    const bytes = isUtf8(kept) ? kept : Buffer.from(kept.toString());
    this.#cut(this.#masks.head(bytes.subarray(0, this.keepBytes), this.#maxLineBytes), now);
  }

  /** A state of a progress bar, without a line break. It becomes a plain line, whatever it looks like. */
  state(bytes: Buffer, now: EpochMs): void {
    const valid = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString());
    if (valid.length > this.#maxLineBytes) this.#cut(this.#masks.head(valid, this.#maxLineBytes), now);
    else this.#plain(Buffer.concat([valid, Buffer.of(LF)]), 1, now);
  }

  /**
   * Emits the event of a line that is a record or a command. False if it is a plain line. `bytes`: the line without its
   * break. `tail`: the end of a line longer than `keepBytesOf`; null if `bytes` is the whole line.
   */
  special(bytes: Buffer, now: EpochMs, tail: Buffer | null = null): boolean {
    if (!mayBeSpecial(bytes, 0)) return false;
    const { text, isBare } = withoutPrefix(bytes.toString());
    const isWhole = tail === null;
    const isLong = !isWhole || bytes.length > this.#maxLineBytes;
    if (text.startsWith('::')) return this.#commands.run(this.#stream, { text, isLong, isWhole }, now);
    const event = this.#records.read(
      { text, bytes: isBare ? bytes : null, isLong, tail: tail?.toString() ?? null },
      now,
    );
    if (event !== null) this.#sink.event(event);
    return event !== null;
  }

  #plain(run: Buffer, count: number, now: EpochMs): void {
    const masked = this.#masks.bytes(run);
    if (masked !== run && this.#masks.canLengthen) this.#lengthened(masked, now);
    else this.#sink.lines(this.#stream, now, masked, count);
  }

  /** Masking can make a line longer than the limit. */
  #lengthened(masked: Buffer, now: EpochMs): void {
    let at = 0;
    while (at < masked.length) {
      const end = masked.indexOf(LF, at);
      if (end - at > this.#maxLineBytes) this.#cut(masked.subarray(at, end), now);
      else this.#sink.lines(this.#stream, now, masked.subarray(at, end + 1), 1);
      at = end + 1;
    }
  }

  #cut(masked: Buffer, timestamp: EpochMs): void {
    const message = cutText(masked.toString(), this.#maxLineBytes);
    this.#sink.event({ kind: 'LogLine', timestamp, level: 'INFO', stream: this.#stream, message, truncated: true });
  }
}
