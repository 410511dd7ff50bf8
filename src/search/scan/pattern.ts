/**
 * Regular expressions of clients: RE2, which takes time linear in the text (docs/decisions/0041). JavaScript's own would
 * take exponential time for some patterns.
 */
import { RE2JS, RE2JSException } from 're2js';
import { LIMITS } from '../../domain/limits.ts';

/** The pattern is not valid, or too large. The message is for the client: what is wrong, then what to do. */
export class BadPattern extends Error {
  override readonly name = 'BadPattern';
}

const TOO_LARGE = `The regular expression is too large: at most ${LIMITS.patternSize} steps. Use smaller repetitions.`;

/** @throws BadPattern */
export const compilePattern = (text: string, caseSensitive: boolean): RE2JS => {
  // Before it is compiled, because that takes time and memory in proportion.
  if (largestSize(text) > LIMITS.patternSize) throw new BadPattern(TOO_LARGE);
  try {
    const pattern = RE2JS.compile(text, caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
    if (pattern.programSize() > LIMITS.patternSize) throw new BadPattern(TOO_LARGE);
    return pattern;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const what = error.message.replace(/^error parsing regexp: /, '');
    throw new BadPattern(
      `Not a valid regular expression (RE2): ${what}. Correct it, or leave out regex to search plain text.`,
    );
  }
};

const REPETITION = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/;
/** Characters of the longest repetition: `{1000,1000}`. */
const REPETITION_CHARACTERS = 11;

/** Sizes of a group that is still open: of all its items, and of the last one, which a repetition multiplies. */
interface OpenGroup {
  all: number;
  last: number;
}

/**
 * An upper bound of the size of the compiled pattern: each character and class counts as often as it and its groups are
 * repeated.
 */
const largestSize = (text: string): number => {
  let group: OpenGroup = { all: 0, last: 0 };
  const open = [group];
  const add = (size: number): void => {
    group.all += size;
    group.last = size;
  };
  for (let at = 0; at < text.length; ) {
    const times = text[at] === '{' ? REPETITION.exec(text.slice(at, at + REPETITION_CHARACTERS)) : null;
    const end = times !== null ? at + times[0].length : itemEnd(text, at);
    if (times !== null) {
      const most = Math.max(Number(times[1]), Number(times[2] || 0), 1);
      group.all += group.last * (most - 1);
      group.last *= most;
    } else if (text[at] === '(') {
      group = { all: 2, last: 0 };
      open.push(group);
    } else if (text[at] === ')' && open.length > 1) {
      const closed = open.pop()?.all ?? 0;
      group = open.at(-1) ?? group;
      add(closed);
    } else add(text.startsWith('\\Q', at) ? end - at : 1);
    at = end;
  }
  return open.reduce((sum, { all }) => sum + all, 0);
};

/** Where the item that begins at `from` ends: a class, a quoted text, an escaped character, or one character. */
const itemEnd = (text: string, from: number): number => {
  if (text.startsWith('\\Q', from)) {
    const end = text.indexOf('\\E', from);
    return end < 0 ? text.length : end + 2;
  }
  if (text[from] === '\\') return from + 2;
  if (text[from] !== '[') return from + 1;
  let at = from + (text[from + 1] === '^' ? 2 : 1);
  // A bracket at the beginning is a member of the class.
  if (text[at] === ']') at += 1;
  while (at < text.length && text[at] !== ']') {
    const named = text.startsWith('[:', at) ? text.indexOf(':]', at) : -1;
    at = named > 0 ? named + 2 : at + (text[at] === '\\' ? 2 : 1);
  }
  return at + 1;
};
