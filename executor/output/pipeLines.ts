import type { EpochMs } from '../../src/domain/events.ts';
import type { Lines } from './lines.ts';
import type { Masks } from './masking/masks.ts';
import type { OutputReader } from './sink.ts';
import { LineBuffer } from './text/lineBuffer.ts';
import { withoutPrefix } from './text/linePrefix.ts';
import { Utf16Filter } from './text/utf16.ts';

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;
/** Larger chunks are read in parts, so that the strings made of them stay small. */
const PIECE_BYTES = 256 * 1024;
/** Between two states of a progress bar: at most 10 per second are sent. */
const STATE_MS = 100;

interface State {
  readonly bytes: Buffer;
  /** See LineBuffer.tail. */
  readonly tail: Buffer | null;
}

/**
 * Splits the bytes of one pipe into lines and states of progress bars. Holds the line that has not ended yet, at most
 * Lines.keepBytesOf of it. Policy: the middle of a longer line is dropped.
 */
export class PipeReader implements OutputReader {
  readonly #lines: Lines;
  readonly #masks: Masks;
  /** The bytes after the last line break or lone CR. */
  readonly #held = new LineBuffer();
  /** The last byte was a CR; an LF can follow. */
  #afterCr = false;
  /** The line's last state, ended by a lone CR. */
  #state: State | null = null;
  /** The line's last state was sent, or became another event. */
  #sent = false;
  /** Bytes of `held` that were sent as the state of a progress bar that writes its CR first. */
  #heldSent = 0;
  readonly #utf16 = new Utf16Filter();
  /** The previous line was UTF-16 without a byte order mark. */
  #afterUtf16 = false;
  /** When the first waiting state came, or the last one was sent. Reset by each line: a fast bar sends only its end. */
  #since: EpochMs | null = null;

  constructor(lines: Lines, masks: Masks) {
    this.#lines = lines;
    this.#masks = masks;
  }

  write(chunk: Buffer, now: EpochMs): void {
    this.#pieces(this.#utf16.write(chunk), now);
    this.#sendDue(now);
  }

  end(now: EpochMs): void {
    this.#pieces(this.#utf16.end(), now);
    // A lone CR after the last line is not a line.
    if (this.#held.length > 0 || this.#state !== null) this.#endLine(now);
  }

  tick(now: EpochMs): void {
    if (this.#afterCr && this.#held.length > 0) this.#endState(now);
    this.#sendDue(now);
    this.#sendUnended(now);
  }

  get #isOpen(): boolean {
    return this.#held.length > 0 || this.#afterCr || this.#state !== null || this.#sent || this.#afterUtf16;
  }

  #pieces(bytes: Buffer, now: EpochMs): void {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) this.#piece(bytes.subarray(at, at + PIECE_BYTES), now);
  }

  #piece(piece: Buffer, now: EpochMs): void {
    let at = 0;
    if (this.#isOpen) {
      const end = piece.indexOf(LF);
      this.#hold(end < 0 ? piece : piece.subarray(0, end), now);
      if (end < 0) return;
      this.#endLine(now);
      at = end + 1;
    }
    const end = piece.lastIndexOf(LF) + 1;
    if (end > at) this.#whole(piece.subarray(at, end), now);
    if (Math.max(at, end) < piece.length) this.#hold(piece.subarray(Math.max(at, end)), now);
  }

  /** Whole lines, each with its LF. */
  #whole(run: Buffer, now: EpochMs): void {
    const text = run.includes(CR) ? run.toString('latin1').replaceAll('\r\n', '\n') : null;
    if (text === null) this.#lines.lines(run, now);
    else if (!text.includes('\r')) this.#lines.lines(Buffer.from(text, 'latin1'), now);
    else this.#oneByOne(run, now);
  }

  #oneByOne(run: Buffer, now: EpochMs): void {
    let at = 0;
    while (at < run.length) {
      const end = run.indexOf(LF, at);
      this.#hold(run.subarray(at, end), now);
      this.#endLine(now);
      at = end + 1;
    }
  }

  /** Part of a line, without LF. */
  #hold(bytes: Buffer, now: EpochMs): void {
    let at = 0;
    if (this.#afterUtf16 && bytes.length > 0) {
      // The second byte of the LF.
      if (bytes[0] === NUL) at = 1;
      this.#afterUtf16 = false;
    }
    while (at < bytes.length) {
      const cr = bytes.indexOf(CR, at);
      if (this.#afterCr && bytes[at] === NUL) this.#keep(Buffer.of(CR));
      else if (this.#afterCr) this.#endState(now);
      this.#afterCr = false;
      this.#keep(bytes.subarray(at, cr < 0 ? bytes.length : cr));
      if (cr < 0) return;
      this.#afterCr = true;
      at = cr + 1;
    }
  }

  #keep(bytes: Buffer): void {
    const { keepBytes } = this.#lines;
    const fits = this.#held.length + bytes.length <= keepBytes;
    const beginning = this.#held.length > 0 ? this.#held.bytes : bytes;
    this.#held.add(bytes, fits ? keepBytes : this.#lines.keepBytesOf(beginning));
  }

  /** A lone CR ends a state. Nothing is held if the progress bar writes its CR first. */
  #endState(now: EpochMs): void {
    this.#afterCr = false;
    if (this.#held.length === 0) {
      // From now on this is the line of a progress bar, though it has no state yet.
      this.#since ??= now;
      return;
    }
    const sent = this.#held.length === this.#heldSent;
    const { tail } = this.#held;
    // A command or a record is not a state: it is neither delayed nor skipped.
    this.#sent = sent || this.#lines.special(this.#held.bytes, now, tail);
    this.#state = this.#sent ? null : { bytes: Buffer.from(this.#held.bytes), tail };
    this.#clearHeld();
    this.#since ??= now;
  }

  #endLine(now: EpochMs): void {
    this.#readUtf16();
    const shown = this.#held.length > 0 ? this.#held.length === this.#heldSent : this.#sent;
    if (this.#held.length === 0 && this.#state !== null) this.#send(this.#state, now);
    else if (!shown && this.#held.tail !== null) this.#lines.long(this.#held.bytes, this.#held.tail, now);
    else if (!shown) {
      this.#held.add(Buffer.of(LF), this.#held.length + 1);
      this.#lines.lines(this.#held.bytes, now);
    }
    this.#clearHeld();
    this.#afterCr = false;
    this.#state = null;
    this.#sent = false;
    this.#since = null;
  }

  /** UTF-16 without a byte order mark is recognized by its line break: 0D 00 0A 00. */
  #readUtf16(): void {
    const { bytes, length, isCut } = this.#held;
    if (isCut || length % 2 !== 0 || bytes[length - 2] !== CR || bytes[length - 1] !== NUL) return;
    const text = Buffer.from(bytes.toString('utf16le', 0, length - 2));
    this.#held.clear();
    this.#keep(text);
    this.#afterUtf16 = true;
  }

  #send({ bytes, tail }: State, now: EpochMs): void {
    if (tail !== null) this.#lines.long(bytes, tail, now);
    else this.#lines.state(bytes, now);
  }

  #isDue(now: EpochMs): boolean {
    // A clock that was set back must not stop the progress bar.
    return this.#since !== null && (now - this.#since >= STATE_MS || now < this.#since);
  }

  #sendDue(now: EpochMs): void {
    if (this.#state === null || !this.#isDue(now)) return;
    this.#send(this.#state, now);
    this.#state = null;
    this.#sent = true;
    this.#since = now;
  }

  /**
   * A progress bar that writes its CR first ends its state only with the next one. Sends what is held as a state,
   * unless it ends inside a character or a secret, or can become a command or a record.
   */
  #sendUnended(now: EpochMs): void {
    const { bytes, length, isCut } = this.#held;
    if (this.#afterCr || isCut || length === 0 || length === this.#heldSent || !this.#isDue(now)) return;
    const start = withoutPrefix(bytes.toString('utf8', 0, 256)).text;
    if (start === '' || start.startsWith(':') || start.startsWith('{')) return;
    if (bytes.toString('utf8', Math.max(0, length - 4)).endsWith('\ufffd') || this.#masks.endsInside(bytes)) return;
    this.#lines.state(bytes, now);
    this.#heldSent = length;
    this.#since = now;
  }

  #clearHeld(): void {
    this.#held.clear();
    this.#heldSent = 0;
  }
}
