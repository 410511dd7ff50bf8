/**
 * Output in UTF-16, as Windows' programs and PowerShell write it, made UTF-8 before anything else looks at it. It
 * begins with a byte order mark at the beginning of a line, and goes on to the first line that is plain UTF-8 again.
 * UTF-8 never has the mark's bytes, so other output costs one search for 0xFF in each chunk.
 */

const LF = 0x0a;
const FF = 0xff;
const FE = 0xfe;
/** Within so many bytes a line of UTF-16 shows a NUL, or is no UTF-8. */
const LOOK_BYTES = 64;
const NOTHING = Buffer.alloc(0);

/** Lets other bytes pass as they are. */
export class Utf16Filter {
  /** Of the UTF-16 that is under way. */
  #decoder: TextDecoder | null = null;
  /** Bytes that wait for those that decide what they are; LOOK_BYTES at most. */
  #held: Buffer = NOTHING;
  #atLineStart = true;

  /** The bytes as UTF-8; the same buffer where there is no UTF-16 in them. */
  write(chunk: Buffer): Buffer {
    if (this.#decoder === null && this.#held.length === 0 && !chunk.includes(FF) && chunk.at(-1) !== FE) {
      if (chunk.length > 0) this.#atLineStart = chunk[chunk.length - 1] === LF;
      return chunk;
    }
    return this.#read(Buffer.concat([this.#held, chunk]), false);
  }

  /** What waited, at the end of the output. */
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

  /** Up to the next mark, which is left out, or to the end. Answers how far it came. */
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

  /** One line of UTF-16 or what is there of it. Answers how far it came: nowhere if it must wait. */
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

/** The mark, or the half of it that the bytes end with. */
const isMark = (bytes: Buffer, at: number, isEnd: boolean): boolean => {
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first !== FF && first !== FE) return false;
  return second === undefined ? !isEnd : first + second === FF + FE;
};

/** Behind the line's LF, which has two bytes here; -1 where it is not there. */
const endOfLine = (bytes: Buffer, from: number, isLittle: boolean): number => {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const isFirst = (at - from) % 2 === 0;
    if (isLittle && isFirst && bytes[at + 1] === 0) return at + 2;
    if (!isLittle && !isFirst && bytes[at - 1] === 0) return at + 1;
  }
  return -1;
};

/** Whether the line that begins here is UTF-8 again; null where more of it is needed to tell. */
const looksPlain = (bytes: Buffer, from: number, isEnd: boolean): boolean | null => {
  const lf = bytes.indexOf(LF, from);
  // of a line of UTF-16 the LF's NUL may be the only one
  const end = Math.min(lf < 0 ? bytes.length : lf + 2, from + LOOK_BYTES);
  const look = bytes.subarray(from, end);
  if (look.includes(0)) return false;
  const isEnough = isEnd || look.length === LOOK_BYTES || (lf >= 0 && look.length === lf + 2 - from);
  if (!isEnough) return null;
  try {
    // a character that the end divides is none yet, and no error
    new TextDecoder('utf-8', { fatal: true }).decode(look, { stream: true });
    return true;
  } catch {
    return false;
  }
};
