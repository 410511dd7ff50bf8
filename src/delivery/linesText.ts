/**
 * JSON of many plain lines at once. The text that all lines share is put between their messages by one replacement, and
 * the digits of their numbers are written into the bytes afterwards: no object or string is made per line.
 */
import type { PlainLines } from '../wire/plainLines.ts';

/** Placeholders of a line's message and of a digit of its numbers. JSON escapes these characters, so no text contains them. */
export const MESSAGE_PLACE = '\n';
const DIGIT_PLACE = '\0';
/** Placeholder of lines in the text of a result. */
export const LINES_PLACE = '\x02';

/** Numbers that differ from line to line: its seq, or its number in log.txt. */
export type LineNumber = 'seq' | 'line';

/**
 * Placeholders of numbers in a text, in order: for each of `count` lines one for each of `first`, which has the numbers of
 * the first line. Each is as wide as its digits.
 */
export interface NumberPlaces {
  readonly first: readonly number[];
  readonly count: number;
}

export interface LinesText {
  /** Byte strings (see PlainLines.jsonMessages) to be joined, with placeholders of numbers in them. */
  readonly pieces: readonly string[];
  readonly places: readonly NumberPlaces[];
}

/** The JSON of one line, with placeholders for its message and its numbers. */
export type LineTemplate = (placeOf: (number: LineNumber) => string) => string;

/** @param numbers those that the template contains, in its order. Lines whose numbers are not known have no 'line'. */
export const linesText = (
  lines: PlainLines,
  template: LineTemplate,
  numbers: readonly LineNumber[],
  separator: string,
): LinesText => {
  const withLine = numbers.includes('line');
  const parts = byWidth(lines, withLine);
  const pieces = parts.flatMap((part, i) => {
    const seqPlace = DIGIT_PLACE.repeat(widthOf(part.firstSeq));
    const linePlace = withLine ? DIGIT_PLACE.repeat(widthOf(part.firstLine ?? 0)) : '';
    const text = filled(
      part,
      template((number) => (number === 'seq' ? seqPlace : linePlace)),
      separator,
    );
    return i === 0 ? text : [separator, ...text];
  });
  const places = parts.map(({ firstSeq, firstLine, count }) => ({
    first: numbers.map((number) => (number === 'seq' ? firstSeq : (firstLine ?? 0))),
    count,
  }));
  return { pieces, places };
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

/** The lines cut into parts whose numbers have as many digits as those of the part's first line. */
const byWidth = (lines: PlainLines, withLine: boolean): readonly PlainLines[] => {
  const { firstSeq, lastSeq, firstLine, count } = lines;
  const left = withLine && firstLine !== null ? lastOfWidth(firstLine) + 1 - firstLine : count;
  const border = Math.min(lastOfWidth(firstSeq), firstSeq + left - 1);
  if (lastSeq <= border) return [lines];
  const first = lines.between(firstSeq - 1, border);
  const rest = lines.between(border, lastSeq);
  return first === null || rest === null ? [lines] : [first, ...byWidth(rest, withLine)];
};

const widthOf = (number: number): number => String(number).length;
const lastOfWidth = (number: number): number => 10 ** widthOf(number) - 1;

/** `prefixBytes` bytes without meaning, then the text with its lines and numbers in their placeholders. */
export const bytesOf = (text: string, lines: readonly LinesText[], prefixBytes: number): Buffer => {
  const pieces = text.split(LINES_PLACE).flatMap((piece, i) => [piece, ...(lines[i]?.pieces ?? [])]);
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, { length }) => sum + length, prefixBytes));
  const numbers = new Numbers(lines.flatMap(({ places }) => places));
  let at = prefixBytes;
  for (const piece of pieces) {
    let found = piece.indexOf(DIGIT_PLACE);
    const from = at;
    at += bytes.write(piece, at, 'latin1');
    while (found >= 0) found = piece.indexOf(DIGIT_PLACE, found + numbers.write(bytes, from + found));
  }
  return bytes;
};

const ZERO = 0x30;

/** Numbers in the order of their placeholders. */
class Numbers {
  /** Without those that have no placeholders. */
  readonly #places: readonly NumberPlaces[];
  #at = 0;
  /** Lines of `#places[#at]` whose placeholders are filled, and placeholders of the next line. */
  #lines = 0;
  #done = 0;

  constructor(places: readonly NumberPlaces[]) {
    this.#places = places.filter(({ first }) => first.length > 0);
  }

  /** Writes the next number; returns how many digits it has. */
  write(bytes: Buffer, from: number): number {
    const { first, count } = this.#places[this.#at] ?? NO_PLACES;
    const number = first[this.#done] ?? 0;
    let rest = number + this.#lines;
    const width = widthOf(number);
    for (let digit = from + width - 1; digit >= from; digit -= 1) {
      bytes[digit] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.#done += 1;
    if (this.#done < first.length) return width;
    this.#done = 0;
    this.#lines += 1;
    if (this.#lines === count) {
      this.#at += 1;
      this.#lines = 0;
    }
    return width;
  }
}

const NO_PLACES: NumberPlaces = { first: [0], count: 1 };
