/** Tells plain lines, records and workflow commands apart, and hides secrets in all of them. */
import { isUtf8 } from 'node:buffer';
import type { EpochMs, JsonObject, LogException } from '../../src/domain/events.ts';
import type { Commands } from './commands.ts';
import { cutText } from './cut.ts';
import { cleanJson, parseJson, setMember } from './json.ts';
import type { Masks } from './masks.ts';
import { parseRecord, type StructuredRecord } from './record.ts';
import type { OutputSink, PipeStream } from './sink.ts';

/** More is kept of a line than the present secrets need: one may be added before the line ends. */
const LOOK_BEYOND_BYTES = 4096;
const LF = 0x0a;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const COLON = 0x3a;
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0b || byte === 0x0c;

interface LinesOptions {
  readonly sink: OutputSink;
  readonly masks: Masks;
  readonly commands: Commands;
  readonly maxLineBytes: number;
}

/** The lines of one pipe. Keeps nothing from one call to the next. */
export class Lines {
  readonly #stream: PipeStream;
  readonly #sink: OutputSink;
  readonly #masks: Masks;
  readonly #commands: Commands;
  readonly #maxLineBytes: number;

  constructor(stream: PipeStream, { sink, masks, commands, maxLineBytes }: LinesOptions) {
    this.#stream = stream;
    this.#sink = sink;
    this.#masks = masks;
    this.#commands = commands;
    this.#maxLineBytes = maxLineBytes;
  }

  /** Bytes of a line that must be kept: what is shown, and enough behind it to see a secret at the cut. */
  get keepBytes(): number {
    return this.#maxLineBytes + Math.max(this.#masks.longest, LOOK_BEYOND_BYTES);
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
        if (long) this.long(valid.subarray(at, Math.min(end, at + this.keepBytes)), now);
        else if (!this.special(valid.subarray(at, end), now)) this.#plain(valid.subarray(at, end + 1), 1, now);
      } else count += 1;
      at = end + 1;
    }
    if (count > 0) this.#plain(valid.subarray(plainFrom), count, now);
  }

  /** The first `keepBytes` of a line that is longer than allowed: always a plain line, cut. */
  long(kept: Buffer, now: EpochMs): void {
    const bytes = isUtf8(kept) ? kept : Buffer.from(kept.toString());
    if (mayBeSpecial(bytes, 0)) {
      const line = bytes.toString();
      if (this.#commands.isAddMask(line)) {
        this.#longAddMask(line, now);
        return;
      }
    }
    this.#cut(this.#masks.head(bytes, this.#maxLineBytes), now);
  }

  /** A state of a progress bar, without a line break: a plain line whatever it looks like. */
  state(bytes: Buffer, now: EpochMs): void {
    const valid = isUtf8(bytes) ? bytes : Buffer.from(bytes.toString());
    if (valid.length > this.#maxLineBytes) this.#cut(this.#masks.head(valid, this.#maxLineBytes), now);
    else this.#plain(Buffer.concat([valid, Buffer.of(LF)]), 1, now);
  }

  /** Makes of a line, without its break, the event that it stands for. False where it is a plain line. */
  special(bytes: Buffer, now: EpochMs): boolean {
    if (!mayBeSpecial(bytes, 0)) return false;
    const line = bytes.toString();
    const valid = isUtf8(bytes) ? bytes : Buffer.from(line);
    if (valid.length > this.#maxLineBytes) return false;
    if (line.trimStart().startsWith('::')) return this.#commands.run(this.#stream, line, now);
    return this.#record(line, valid, now);
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

  /** The part of the value that was kept is masked from now on, which hides what a line can show of it. */
  #longAddMask(line: string, timestamp: EpochMs): void {
    const value = line.slice(line.indexOf('::', line.indexOf('::') + 2) + 2);
    this.#commands.addMask(this.#stream, cutText(value, this.#maxLineBytes), timestamp);
    const message = '::add-mask::***';
    this.#sink.event({ kind: 'LogLine', timestamp, level: 'INFO', stream: this.#stream, message, truncated: true });
  }

  #record(line: string, bytes: Buffer, now: EpochMs): boolean {
    if (!line.trimEnd().endsWith('}')) return false;
    const value = parseJson(line);
    if (value === undefined) return false;
    const found = parseRecord(value);
    if (found === null) return false;
    this.#sink.event(this.#draft(this.#isClean(bytes) ? found : this.#cleaned(found, value as JsonObject, line), now));
    return true;
  }

  /** Texts without an escape stand in the line as they are: where it has nothing to hide, neither have they. */
  #isClean(bytes: Buffer): boolean {
    return !bytes.includes(BACKSLASH) && !this.#masks.holdsWholeLines && !this.#masks.touches(bytes);
  }

  /** Level and time are what the record says, even where a secret is "info". */
  #cleaned(found: StructuredRecord, value: JsonObject, line: string): StructuredRecord {
    const clean = { ...(cleanJson(value, line, this.#masks) as JsonObject) };
    for (const name of [found.levelMember, found.timeMember]) {
      if (name !== null) setMember(clean, name, value[name] ?? null);
    }
    // where a secret is "msg", the members' names are hidden too
    const message = this.#masks.text(found.message.toWellFormed());
    return parseRecord(clean) ?? { ...found, message, logger: null, exception: null, fields: clean };
  }

  #draft(found: StructuredRecord, now: EpochMs): Parameters<OutputSink['event']>[0] {
    const { logger, exception, fields } = found;
    const message = cutText(found.message, this.#maxLineBytes);
    return {
      kind: 'LogLine',
      timestamp: found.timestamp ?? now,
      level: found.level,
      stream: 'LOGGER',
      message,
      ...(logger === null ? {} : { logger }),
      ...(fields === null ? {} : { fields }),
      ...(exception === null ? {} : { exception: exception satisfies LogException }),
      ...(message.length < found.message.length ? { truncated: true } : {}),
    };
  }
}

/** Whether the line that begins here could be a record or a command. */
const mayBeSpecial = (bytes: Buffer, from: number): boolean => {
  let at = from;
  let byte = bytes[at] as number;
  while (isBlank(byte)) {
    at += 1;
    byte = bytes[at] as number;
  }
  return byte === BRACE || (byte === COLON && bytes[at + 1] === COLON);
};
