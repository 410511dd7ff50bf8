/** Divides what comes from one pipe into lines and the states of progress bars. */
import type { EpochMs } from '../../src/domain/events.ts';
import type { Lines } from './lines.ts';
import type { Masks } from './masking/masks.ts';
import type { OutputReader } from './sink.ts';
import { Held } from './text/held.ts';
import { withoutDress } from './text/special.ts';
import { Utf16Filter } from './text/utf16.ts';

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;
/** Larger chunks are taken in pieces, so that the texts made of them stay small. */
const PIECE_BYTES = 256 * 1024;
/** Between two states that are sent: "at most 10 a second". */
const STATE_MS = 100;

interface State {
  readonly bytes: Buffer;
  /** See Held.tail. */
  readonly tail: Buffer | null;
}

/** The line that has not ended yet; memory is bounded by Lines.keepBytes, what goes beyond it is left out. */
export class PipeReader implements OutputReader {
  readonly #lines: Lines;
  readonly #masks: Masks;
  /** Since the last break or lone CR. */
  readonly #held: Held;
  /** The last byte was a CR, and nobody knows yet whether an LF follows. */
  #afterCr = false;
  /** The line's last state that a lone CR ended. */
  #state: State | null = null;
  /** A state was sent, or was an event, and no other one has come since. */
  #sent = false;
  /** How much of `held` was sent as the state of a bar that writes its CR first. */
  #heldSent = 0;
  readonly #utf16 = new Utf16Filter();
  /** The line before was UTF-16 without a byte order mark. */
  #afterUtf16 = false;
  /** Since when a state waits, or was sent. Starts anew with each line: a fast bar sends its end alone. */
  #since: EpochMs | null = null;

  constructor(lines: Lines, masks: Masks) {
    this.#lines = lines;
    this.#masks = masks;
    this.#held = new Held();
  }

  write(chunk: Buffer, now: EpochMs): void {
    this.#pieces(this.#utf16.write(chunk), now);
    this.#sendDue(now);
  }

  end(now: EpochMs): void {
    this.#pieces(this.#utf16.end(), now);
    // a CR alone behind the last line is none
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
      // the second half of the LF
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

  /** A lone CR: what is held is a state, unless it is empty, as where the bar writes its CR first. */
  #endState(now: EpochMs): void {
    this.#afterCr = false;
    if (this.#held.length === 0) {
      // from now on it is a progress bar's line, also where it has no state yet
      this.#since ??= now;
      return;
    }
    const sent = this.#held.length === this.#heldSent;
    const { tail } = this.#held;
    // commands and records are no states to be shown or skipped
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

  /** UTF-16 without a byte order mark shows itself by the CR before the LF: 0D 00 0A 00. */
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
    // a clock that was set back must not stop the bar
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
   * The state of a bar that writes its CR first has no end until the next one begins. It is sent as it
   * stands where it can be: not within a character or a secret, nor where it may become a command or record.
   */
  #sendUnended(now: EpochMs): void {
    const { bytes, length, isCut } = this.#held;
    if (this.#afterCr || isCut || length === 0 || length === this.#heldSent || !this.#isDue(now)) return;
    const start = withoutDress(bytes.toString('utf8', 0, 256)).text;
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
