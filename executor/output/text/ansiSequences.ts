/** Texts without their ANSI sequences, with the way back to the positions of the original. */

/** Each sequence begins with it. */
export const ESC = 0x1b;
const BEL = 0x07;
const LF = 0x0a;
const BACKSLASH = 0x5c;
const CSI = 0x5b;
const OSC = 0x5d;

const isBetween = (byte: number | undefined, low: number, high: number): boolean =>
  byte !== undefined && byte >= low && byte <= high;

/**
 * The end of the sequence that begins at `from` (ECMA-48, 5.3 and 5.4): a control sequence, a command such as a link, or a
 * short escape. `from` if it is none, or is not complete.
 */
const endOfSequence = (bytes: Buffer, from: number): number => {
  let at = from + 2;
  switch (bytes[from + 1]) {
    case CSI:
      while (isBetween(bytes[at], 0x20, 0x3f)) at += 1;
      return isBetween(bytes[at], 0x40, 0x7e) ? at + 1 : from;
    case OSC:
      return endOfCommand(bytes, from);
    default:
      at = from + 1;
      while (isBetween(bytes[at], 0x20, 0x2f)) at += 1;
      return isBetween(bytes[at], 0x30, 0x7e) ? at + 1 : from;
  }
};

/** The same for a command, which has any text. */
const endOfCommand = (bytes: Buffer, from: number): number => {
  for (let at = from + 2; at < bytes.length && bytes[at] !== LF; at += 1) {
    if (bytes[at] === BEL) return at + 1;
    if (bytes[at] === ESC) return bytes[at + 1] === BACKSLASH ? at + 2 : from;
  }
  return from;
};

/** The end of the sequences that follow each other from `from` on; `from` if there is none. */
export const endOfSequences = (bytes: Buffer, from: number): number => {
  let at = from;
  for (;;) {
    const end = bytes[at] === ESC ? endOfSequence(bytes, at) : at;
    if (end === at) return at;
    at = end;
  }
};

/** A longer sequence is not waited for. Links and titles can be long. */
const MAX_UNFINISHED = 2048;

/** Length of the sequence at the end of the bytes whose end is still missing. */
export const unfinishedLength = (bytes: Buffer): number => {
  const from = bytes.lastIndexOf(ESC);
  if (from < 0 || bytes.length - from > MAX_UNFINISHED || endOfSequence(bytes, from) > from) return 0;
  return bytes.length - from;
};

export const withoutSequences = (bytes: Buffer): Buffer => {
  const stripped = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = endOfSequences(bytes, at);
    if (end < bytes.length) {
      stripped[length] = bytes[end] as number;
      length += 1;
    }
    at = end + 1;
  }
  return stripped.subarray(0, length);
};

/** The positions in the original of these positions in the stripped bytes, which are in order. */
export const originalsOf = (bytes: Buffer, positions: readonly number[]): number[] => {
  const originals: number[] = [];
  let stripped = 0;
  for (let at = 0; originals.length < positions.length && at < bytes.length; at += 1) {
    at = endOfSequences(bytes, at);
    while (positions[originals.length] === stripped) originals.push(at);
    stripped += 1;
  }
  return originals;
};
