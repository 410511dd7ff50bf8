/**
 * JSON of many plain lines at once. The text that all lines share is put between their messages by one replacement, and
 * the digits of their seqs are written into the bytes afterwards: no object or string is made per line.
 */
import type { PlainLines } from '../wire/plainLines.ts';

/** Placeholders of a line's message and of a digit of its seq. JSON escapes these characters, so no text contains them. */
export const MESSAGE_PLACE = '\n';
const DIGIT_PLACE = '\0';
/** Placeholder of lines in the text of a result. */
export const LINES_PLACE = '\x02';

/** Placeholders of seqs in a text, in order: `placesOfEach` for each of `count` seqs, each as wide as its digits. */
export interface SeqPlaces {
  readonly firstSeq: number;
  readonly count: number;
  readonly placesOfEach: number;
}

export interface LinesText {
  /** Byte strings (see PlainLines.jsonMessages) to be joined, with placeholders of seqs in them. */
  readonly pieces: readonly string[];
  readonly places: readonly SeqPlaces[];
}

/** The JSON of one line, with placeholders for its message and its seq. */
export type LineTemplate = (seqPlace: string) => string;

/** @param placesOfEach how often the template contains its seqPlace */
export const linesText = (
  lines: PlainLines,
  template: LineTemplate,
  placesOfEach: number,
  separator: string,
): LinesText => {
  const parts = byWidth(lines);
  const pieces = parts.flatMap((part, i) => {
    const text = filled(part, template(DIGIT_PLACE.repeat(widthOf(part.firstSeq))), separator);
    return i === 0 ? text : [separator, ...text];
  });
  return { pieces, places: parts.map(({ firstSeq, count }) => ({ firstSeq, count, placesOfEach })) };
};

const filled = (lines: PlainLines, template: string, separator: string): readonly string[] => {
  const [before = '', after, ...more] = template.split(MESSAGE_PLACE);
  if (after === undefined) return [Array.from({ length: lines.count }, () => template).join(separator)];
  const messages = lines.jsonMessages();
  if (more.length > 0) {
    const texts = messages.split('\n').map((message) => template.replaceAll(MESSAGE_PLACE, () => `"${message}"`));
    return [texts.join(separator)];
  }
  const between = `"${after}${separator}${before}"`.replaceAll('$', '$$$$');
  return [`${before}"`, messages.replace(/\n/g, between), `"${after}`];
};

/** The lines cut into parts whose seqs have the same number of digits. */
const byWidth = (lines: PlainLines): readonly PlainLines[] => {
  if (widthOf(lines.firstSeq) === widthOf(lines.lastSeq)) return [lines];
  const border = 10 ** widthOf(lines.firstSeq) - 1;
  const first = lines.between(lines.firstSeq - 1, border);
  const rest = lines.between(border, lines.lastSeq);
  return first === null || rest === null ? [lines] : [first, ...byWidth(rest)];
};

const widthOf = (seq: number): number => String(seq).length;

/** `prefixBytes` bytes without meaning, then the text with its lines and seqs in their placeholders. */
export const bytesOf = (text: string, lines: readonly LinesText[], prefixBytes: number): Buffer => {
  const pieces = text.split(LINES_PLACE).flatMap((piece, i) => [piece, ...(lines[i]?.pieces ?? [])]);
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, { length }) => sum + length, prefixBytes));
  const seqs = new Seqs(lines.flatMap(({ places }) => places));
  let at = prefixBytes;
  for (const piece of pieces) {
    let found = piece.indexOf(DIGIT_PLACE);
    const from = at;
    at += bytes.write(piece, at, 'latin1');
    while (found >= 0) found = piece.indexOf(DIGIT_PLACE, found + seqs.write(bytes, from + found));
  }
  return bytes;
};

const ZERO = 0x30;

/** Seqs in the order of their placeholders. */
class Seqs {
  readonly #places: readonly SeqPlaces[];
  #at = 0;
  /** Placeholders of `#places[#at]` that are filled. */
  #done = 0;

  constructor(places: readonly SeqPlaces[]) {
    this.#places = places;
  }

  /** Writes the next seq; returns its number of digits. */
  write(bytes: Buffer, from: number): number {
    const { firstSeq, count, placesOfEach } = this.#places[this.#at] ?? NO_PLACES;
    let rest = firstSeq + Math.floor(this.#done / placesOfEach);
    const width = widthOf(firstSeq);
    for (let digit = from + width - 1; digit >= from; digit -= 1) {
      bytes[digit] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#done += 1;
    if (this.#done === count * placesOfEach) {
      this.#at += 1;
      this.#done = 0;
    }
    return width;
  }
}

const NO_PLACES: SeqPlaces = { firstSeq: 0, count: 1, placesOfEach: 1 };
