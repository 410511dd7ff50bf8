/**
 * JSON whose numbers keep the text that they were printed with: 64-bit ids, 1.0, -0 and 1e400 come out as they came in.
 * A number that JavaScript would print otherwise is kept as JSON.rawJSON has it, which JSON.stringify writes as it is.
 * Such a value is a leaf: never spread, copy or walk it (isRawNumber), or it is an object with a member `rawJSON`.
 */

/** A number by its text. Made by rawNumber and parseExactJson alone. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** What ECMAScript has of this and TypeScript does not know yet (proposal "JSON.parse source text access"). */
interface ExactJson {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const exact = JSON as unknown as ExactJson;

/**
 * Numbers, and what looks like some within texts, that can have been changed: of 16 digits or more, with a fraction or
 * an exponent, and -0. Most texts have none, and cost no more than JSON.parse.
 */
const DOUBTFUL = /(?<=^|[:,[\s])(?:-0(?![\d.eE])|-?(?:\d{16}|(?:0|[1-9]\d*)[.eE]))[\d.eE+-]*/g;
/**
 * A text, also one without its end, or a number that stands in none: "at":"07:08:10.120" has a doubtful one, but only to
 * look at.
 */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Begins the text that stands for a number while JSON.parse reads; nobody else knows it. */
const MARK = `${crypto.randomUUID()} `;

/** An input or an output of 96 KiB has 32,768 at most; each costs a microsecond. */
const MAX_RAW_NUMBERS = 50_000;

const isKept = (text: string): boolean => String(Number(text)) === text;

/** The number that a JSON number's text stands for: a JavaScript number where that prints the same text. */
export const rawNumber = (text: string): number | RawNumber => (isKept(text) ? Number(text) : exact.rawJSON(text));

export const isRawNumber = (value: unknown): value is RawNumber => exact.isRawJSON(value);

/** The nearest JavaScript number, for whoever computes with it. Infinity where it is beyond all of them. */
export const plainNumber = (value: number | RawNumber): number =>
  typeof value === 'number' ? value : Number(value.rawJSON);

/** Whether JSON.parse can change a number of the text. False: it does not. */
export const mayLoseNumbers = (text: string): boolean =>
  hasLossy(text, DOUBTFUL) && (!text.includes('"') || hasLossy(text, TEXT_OR_NUMBER));

/** Whether one of what `pattern` finds is a number that JavaScript prints otherwise. */
const hasLossy = (text: string, pattern: RegExp): boolean => {
  pattern.lastIndex = 0;
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    if (!found[0].startsWith('"') && !isKept(found[0])) return true;
  }
  return false;
};

/**
 * JSON.parse that keeps numbers as they were printed.
 * @throws SyntaxError where it is no JSON, is nested too deeply, or has more than MAX_RAW_NUMBERS of them
 */
export const parseExactJson = (text: string): unknown => {
  if (!mayLoseNumbers(text)) return JSON.parse(text);
  let count = 0;
  // A reviver would do, and takes four times as long where few of many members are such numbers.
  const marked = text.replace(TEXT_OR_NUMBER, (token) => {
    if (token.startsWith('"') || isKept(token) || !NUMBER.test(token)) return token;
    count += 1;
    if (count > MAX_RAW_NUMBERS) throw new SyntaxError('The JSON has too many numbers that are not kept as they are.');
    return `"${MARK}${token}"`;
  });
  const value: unknown = JSON.parse(marked);
  try {
    return unmarked(value);
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxError('The JSON is nested too deeply.', { cause: error });
    throw error;
  }
};

/** The value with its numbers where marks stand for them; lists and objects are changed in place. */
const unmarked = (value: unknown): unknown => {
  if (typeof value === 'string') return value.startsWith(MARK) ? exact.rawJSON(value.slice(MARK.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    const member = members[name];
    const read = typeof member === 'string' || typeof member === 'object' ? unmarked(member) : member;
    if (read === member) continue;
    if (name !== '__proto__') members[name] = read;
    else Object.defineProperty(members, name, { value: read, enumerable: true, configurable: true, writable: true });
  }
  return members;
};
