/**
 * Which stored bodies can have a line that a query looks for, found in their bytes: most need not become events. Pure.
 * It never says no wrongly; what it lets through is looked at line by line.
 */
import { isAscii } from 'node:buffer';
import type { LogQuery } from '../../domain/logQuery.ts';
import { hasEscape, linesWithoutAnsi } from '../../domain/text/ansi.ts';
import { foldCase } from '../../domain/text/caseFold.ts';
import { textPlace } from '../../domain/text/textSearch.ts';

export type BodyFilter = (body: Buffer) => boolean;

/** Small enough for V8's young generation; the text of a whole body would be mapped and unmapped each time. */
const WINDOW_BYTES = 64 * 1024;
const LF = 0x0a;
const ESC = 0x1b;
/** U+009B in UTF-8. */
const CSI = Buffer.from('\u009b');
/** ESC as JSON has it. */
const JSON_ESC = '\\u001b';

/** `hasPlainLines`: whether plain lines can match at all. */
export const bodyFilter = (query: LogQuery, hasPlainLines: boolean): BodyFilter => {
  const { text, regex, caseSensitive } = query;
  const holdsText = text && !regex && !hasEscape(text) ? holds(text, caseSensitive === true) : null;
  return (body) => (hasPlainLines || hasEvents(body)) && (holdsText?.(body) ?? true);
};

/** Whether there can be an event that is not a plain line: a line of the body begins with `j`. */
const hasEvents = (body: Buffer): boolean => body[0] === 0x6a || body.includes('\nj');

/** Whether a line can contain the text. */
const holds = (text: string, caseSensitive: boolean): BodyFilter | null => {
  const needle = longestPlain(caseSensitive ? text : foldCase(text));
  if (needle === '') return null;
  const needsMore = !isAscii(Buffer.from(needle));
  const place = textPlace(needle);
  return (body) => {
    const inAscii = isAscii(body);
    if (inAscii && needsMore) return false;
    if (body.includes(JSON_ESC) || (!inAscii && body.includes(CSI))) return true;
    const hasSequences = body.includes(ESC);
    for (let from = 0; from < body.length; ) {
      const lineEnd = body.indexOf(LF, from + WINDOW_BYTES);
      const end = lineEnd < 0 ? body.length : lineEnd + 1;
      const lines = body.toString(inAscii ? 'latin1' : 'utf8', from, end);
      const shown = hasSequences ? linesWithoutAnsi(lines) : lines;
      if (place(caseSensitive ? shown : inAscii ? shown.toLowerCase() : foldCase(shown), 0) >= 0) return true;
      from = end;
    }
    return false;
  };
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

/** The longest part of the text that JSON does not escape: records are stored as JSON. */
const longestPlain = (text: string): string =>
  text.split(ESCAPED).reduce((longest, part) => (part.length > longest.length ? part : longest), '');
