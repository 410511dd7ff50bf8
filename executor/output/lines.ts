/** Tells plain lines, records and workflow commands apart, and hides secrets in all of them. */
import { isUtf8 } from 'node:buffer';
import type { EpochMs } from '../../src/domain/events.ts';
import type { Masks } from './masking/masks.ts';
import { Records } from './records/records.ts';
import type { Zone } from './records/zone.ts';
import type { OutputSink, PipeStream } from './sink.ts';
import { cutText } from './text/cut.ts';
import { mayBeSpecial, withoutDress } from './text/special.ts';
import type { Commands } from './workflowCommands.ts';

/** More is kept of a line than the present secrets need: one may be added before the line ends. */
const LOOK_BEYOND_BYTES = 4096;
/**
 * What may become a record or a command is read as far as this, bytes, whatever MAX_LINE_BYTES is: an output of 96 KiB
 * that was printed with escapes, the level of a record behind its long message.
 */
const SPECIAL_BYTES = 1024 * 1024;
const LF = 0x0a;

interface LinesOptions {
  readonly sink: OutputSink;
  readonly masks: Masks;
  readonly commands: Commands;
  readonly maxLineBytes: number;
  /** Of times in records that name none. */
  readonly zone: Zone;
}

/** The lines of one pipe. Keeps nothing from one call to the next. */
export class Lines {
  readonly #stream: PipeStream;
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #commands: Commands;
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

  /** Bytes of a line that must be kept: what is shown, and enough behind it to see a secret at the cut. */
  get keepBytes(): number {
    return this.#maxLineBytes + Math.max(this.#masks.longest, LOOK_BEYOND_BYTES);
  }

  /** The same of a line that begins with these bytes. */
  keepBytesOf(beginning: Buffer): number {
    return mayBeSpecial(beginning, 0) ? Math.max(this.keepBytes, SPECIAL_BYTES) : this.keepBytes;
  }

  /** Whole lines, each with its LF and without any CR, in any encoding and of any length. */
  lines(run: Buffer, now: EpochMs): void {
    // a bad sequence never takes an LF with it, so this is what decoding each line would give
    const valid = isUtf8(run) ? run : Buffer.from(run.toString());
    // looking for LF in a one-byte string is the quickest way there is here (26 ns a line)
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

  /** The beginning and the end of a line that is longer than was kept: what is left of its event, or a plain line, cut. */
  long(kept: Buffer, tail: Buffer, now: EpochMs): void {
    if (this.special(kept, now, tail)) return;
    const bytes = isUtf8(kept) ? kept : Buffer.from(kept.toString());
    this.#cut(this.#masks.head(bytes.subarray(0, this.keepBytes), this.#maxLineBytes), now);
  }

  /** A state of a progress bar, without a line break: a plain line whatever it looks like. */
  state(bytes: Buffer, now: EpochMs): void {
    const valid = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString());
    if (valid.length > this.#maxLineBytes) this.#cut(this.#masks.head(valid, this.#maxLineBytes), now);
    else this.#plain(Buffer.concat([valid, Buffer.of(LF)]), 1, now);
  }

  /**
   * Makes of a line, without its break, the event that it stands for. False where it is a plain line. `tail`: the end of
   * a line that is longer than `keepBytesOf`; null where the bytes are all of it.
   */
  special(bytes: Buffer, now: EpochMs, tail: Buffer | null = null): boolean {
    if (!mayBeSpecial(bytes, 0)) return false;
    const { text, isBare } = withoutDress(bytes.toString());
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

  /** A line that was short enough may be so no more. */
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
