/** White space, a byte order mark and ANSI colours can stand before a record or a workflow command. */

const BRACE = 0x7b;
const COLON = 0x3a;
const ESC = 0x1b;
const BRACKET = 0x5b;
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0b || byte === 0x0c;

/** Whether the line at `from` can be a record or a workflow command. For nearly all lines the first byte decides. */
export const mayBeSpecial = (bytes: Buffer, from: number): boolean => {
  let at = from;
  while (isBlank(bytes[at])) at += 1;
  const byte = bytes[at] as number;
  if (byte === BRACE) return true;
  if (byte === COLON) return bytes[at + 1] === COLON;
  if (byte !== ESC && byte !== 0xef) return false;
  const start = endOfPrefix(bytes, at);
  return bytes[start] === BRACE || (bytes[start] === COLON && bytes[start + 1] === COLON);
};

const endOfPrefix = (bytes: Buffer, from: number): number => {
  let at = from;
  for (;;) {
    if (isBlank(bytes[at])) at += 1;
    else if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) at += 3;
    else if (bytes[at] === ESC && bytes[at + 1] === BRACKET) at = endOfSequence(bytes, at + 2);
    else return at;
  }
};

/** A control sequence ends with a byte from 0x40 to 0x7e (ECMA-48, 5.4). */
const endOfSequence = (bytes: Buffer, from: number): number => {
  let at = from;
  while ((bytes[at] ?? 0) >= 0x20 && (bytes[at] ?? 0) <= 0x3f) at += 1;
  return at + 1;
};

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: these expressions match control characters
const SEQUENCES = /\u001b\[[\u0020-\u003f]*[\u0040-\u007e]/g;
const LEADING = /^(?:\s|\ufeff|\u001b\[[\u0020-\u003f]*[\u0040-\u007e])+/;
const LAST = /\u001b\[[\u0020-\u003f]*[\u0040-\u007e]$/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: these expressions match control characters

/** No program prints a longer sequence. */
const MAX_SEQUENCE = 64;

/** Removes one sequence at a time. One expression for all would search from each sequence to the end of the text. */
const withoutTrailing = (text: string): string => {
  let rest = text;
  for (;;) {
    const last = LAST.exec(rest.slice(-MAX_SEQUENCE));
    if (last === null) return rest;
    rest = rest.slice(0, -last[0].length);
  }
};

/** The text without ANSI sequences. */
export const withoutAnsi = (text: string): string => (text.includes('\u001b') ? text.replace(SEQUENCES, '') : text);

/**
 * The line without such a prefix. An object loses all its sequences, because JSON has none. A command loses those at
 * its beginning and end; its text keeps its own. `isBare`: only white space was removed.
 */
export const withoutPrefix = (line: string): { readonly text: string; readonly isBare: boolean } => {
  if (!line.includes('\u001b')) return { text: line.trimStart(), isBare: true };
  const text = line.replace(LEADING, '');
  if (text.startsWith('{')) return { text: withoutAnsi(text), isBare: false };
  return { text: line.trimStart().startsWith('\u001b') ? withoutTrailing(text) : text, isBare: false };
};
