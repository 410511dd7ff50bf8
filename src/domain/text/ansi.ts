/** Terminal escape sequences (ECMA-48) in a string. */

const ESC = '\u001b';
const CSI = '\u009b';

/**
 * In this order: control sequences (colours, cursor) in their 7-bit and 8-bit forms; operating system commands (titles,
 * hyperlinks) up to BEL or ST; device control and other strings up to ST; other sequences of two or three characters.
 * Each part ends at the next ESC, so the search is linear.
 */
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[PX^_][^\u001b\u009c]*(?:\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g;

export const hasEscape = (text: string): boolean => text.includes(ESC) || text.includes(CSI);

/** The text without escape sequences. A text without ESC or CSI is returned unsearched. */
export const withoutAnsi = (text: string): string => (hasEscape(text) ? text.replace(SEQUENCE, '') : text);

/** The same as SEQUENCE, for a text of several lines: a sequence does not go on behind the end of its line. */
const SEQUENCE_IN_LINE = new RegExp(SEQUENCE.source.replaceAll('\\u009c]*', '\\u009c\\n]*'), 'g');

/** The lines, each without its escape sequences. */
export const linesWithoutAnsi = (lines: string): string =>
  hasEscape(lines) ? lines.replace(SEQUENCE_IN_LINE, '') : lines;

/** A part of a text, in UTF-16 units. */
export interface TextRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** A text without its escape sequences, which knows where they were. */
export class VisibleText {
  readonly text: string;
  /** For each sequence: its place in the visible text, and the length of all sequences up to it. */
  readonly #places: number[] = [];
  readonly #lengths: number[] = [];

  constructor(original: string) {
    let removed = 0;
    this.text = !hasEscape(original)
      ? original
      : original.replace(SEQUENCE, (sequence, at: number) => {
          this.#places.push(at - removed);
          removed += sequence.length;
          this.#lengths.push(removed);
          return '';
        });
  }

  /** A part of the visible text as a part of the original: from its first to its last character. It is not empty. */
  original({ start, end }: TextRange): TextRange {
    return this.#places.length === 0 ? { start, end } : { start: this.#at(start), end: this.#at(end - 1) + 1 };
  }

  /** Where a character of the visible text is in the original. */
  #at(index: number): number {
    const last = this.#places.findLastIndex((place) => place <= index);
    return index + (this.#lengths[last] ?? 0);
  }
}
