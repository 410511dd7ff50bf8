/**
 * Converts output in UTF-16, as programs of Windows and PowerShell write it, to UTF-8. UTF-16 starts with a byte order
 * mark at the start of a line and ends before the first line that is UTF-8 again. UTF-8 never contains the bytes of the
 * mark, so other output costs one search for 0xFF per chunk.
 */

const LF = 0x0a;
const FF = 0xff;
const FE = 0xfe;
/** In its first bytes, so many, a line of UTF-16 has a NUL or is not valid UTF-8. */
const LOOK_BYTES = 64;
const NOTHING = Buffer.alloc(0);

/** Other bytes pass unchanged. */
export class Utf16Filter {
  /** Set while the output is UTF-16. */
  #decoder: TextDecoder | null = null;
  /** At most LOOK_BYTES, whose encoding the next bytes decide. */
  #held: Buffer = NOTHING;
  #atLineStart = true;

  /** The bytes as UTF-8: the same buffer if none of them are UTF-16. */
  write(chunk: Buffer): Buffer {
    if (this.#decoder === null && this.#held.length === 0 && !chunk.includes(FF) && chunk.at(-1) !== FE) {
      if (chunk.length > 0) this.#atLineStart = chunk[chunk.length - 1] === LF;
      return chunk;
    }
    return this.#read(Buffer.concat([this.#held, chunk]), false);
  }

  /** The bytes that are still held. Call it at the end of the output. */
  end(): Buffer {
    return this.#read(this.#held, true);
  }

  #read(bytes: Buffer, isEnd: boolean): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      const from = at;
      at = this.#decoder === null ? this.#plain(bytes, at, isEnd, parts) : this.#decoded(bytes, at, isEnd, parts);
      if (at === from && this.#decoder !== null) break;
      if (at === from && !isEnd) break;
    }
    this.#held = Buffer.from(bytes.subarray(at));
    return Buffer.concat(parts);
  }

  /** Passes bytes up to the next mark, which is left out, or to the end. Returns where it stopped. */
  #plain(bytes: Buffer, from: number, isEnd: boolean, parts: Buffer[]): number {
    let at = from;
    while (at < bytes.length && !(this.#startsLine(bytes, at, from) && isMark(bytes, at, isEnd))) at += 1;
    if (at > from) {
      parts.push(bytes.subarray(from, at));
      this.#atLineStart = bytes[at - 1] === LF;
    }
    if (at + 1 >= bytes.length) return at;
    this.#begin(bytes[at]);
    return at + 2;
  }

  #startsLine(bytes: Buffer, at: number, from: number): boolean {
    return at === from ? this.#atLineStart : bytes[at - 1] === LF;
  }

  #begin(first: number | undefined): void {
    this.#decoder = new TextDecoder(first === FF ? 'utf-16le' : 'utf-16be', { ignoreBOM: true });
    this.#atLineStart = true;
  }

  /**
   * Decodes one line of UTF-16, or the present part of it. Returns where it stopped: `from` if more bytes are needed.
   */
  #decoded(bytes: Buffer, from: number, isEnd: boolean, parts: Buffer[]): number {
    if (this.#atLineStart) {
      if (isMark(bytes, from, isEnd)) {
        if (from + 1 >= bytes.length) return from;
        this.#begin(bytes[from]);
        return from + 2;
      }
      const isPlain = looksPlain(bytes, from, isEnd);
      if (isPlain === null) return from;
      if (isPlain) {
        this.#decoder = null;
        return this.#plain(bytes, from, isEnd, parts);
      }
    }
    const end = endOfLine(bytes, from, this.#decoder?.encoding === 'utf-16le');
    const whole = isEnd ? bytes.length : from + ((bytes.length - from) & ~1);
    const until = end < 0 ? whole : end;
    const text = this.#decoder?.decode(bytes.subarray(from, until), { stream: !(isEnd && until === bytes.length) });
    parts.push(Buffer.from(text ?? ''));
    if (until > from) this.#atLineStart = end >= 0;
    return until;
  }
}

/** Whether the mark is at `at`, or its first half as the last byte. */
const isMark = (bytes: Buffer, at: number, isEnd: boolean): boolean => {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first !== FF && first !== FE) return false;
  return second === undefined ? !isEnd : first + second === FF + FE;
};

/** The position after the line's LF, which has two bytes in UTF-16. -1 if there is none. */
const endOfLine = (bytes: Buffer, from: number, isLittle: boolean): number => {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const isFirst = (at - from) % 2 === 0;
    if (isLittle && isFirst && bytes[at + 1] === 0) return at + 2;
    if (!isLittle && !isFirst && bytes[at - 1] === 0) return at + 1;
  }
  return -1;
};

/** Whether the line at `from` is UTF-8 again. Null if more bytes are needed. */
const looksPlain = (bytes: Buffer, from: number, isEnd: boolean): boolean | null => {
  const lf = bytes.indexOf(LF, from);
  // The NUL of the LF can be the only one of a line of UTF-16.
  const end = Math.min(lf < 0 ? bytes.length : lf + 2, from + LOOK_BYTES);
  const look = bytes.subarray(from, end);
  if (look.includes(0)) return false;
  const isEnough = isEnd || look.length === LOOK_BYTES || (lf >= 0 && look.length === lf + 2 - from);
  if (!isEnough) return null;
  try {
    // With `stream`, a character that is split at the end is not an error.
    new TextDecoder('utf-8', { fatal: true }).decode(look, { stream: true });
    return true;
  } catch {
    return false;
  }
};
