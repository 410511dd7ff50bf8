/** Parses JSON of clients. The depth is checked first, because parsing deep nesting is expensive. */
import { LIMITS } from '../../domain/limits.ts';
import { parseExactJson } from '../../domain/text/exactJson.ts';

/** The JSON is nested deeper than LIMITS.jsonDepth. */
export class JsonTooDeep extends Error {
  override readonly name = 'JsonTooDeep';
  constructor() {
    super(`The JSON is nested too deeply: at most ${LIMITS.jsonDepth} levels.`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Index of the closing quote of the string that begins at `from`. */
const endOfString = (text: string, from: number): number => {
  for (let end = text.indexOf('"', from + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
};

const isTooDeep = (text: string): boolean => {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > LIMITS.jsonDepth) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth -= 1;
  }
  return false;
};

/** For JSON that other code parses. @throws JsonTooDeep */
export const checkJsonDepth = (text: string): void => {
  if (isTooDeep(text)) throw new JsonTooDeep();
};

/** Like JSON.parse, but numbers keep their digits (domain/text/exactJson.ts). Linear in the length. @throws JsonTooDeep, SyntaxError */
export const parseJson = (text: string): unknown => {
  checkJsonDepth(text);
  return parseExactJson(text);
};
