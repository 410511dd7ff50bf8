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
