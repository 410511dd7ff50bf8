/**
 * JSON whose numbers keep their digits: 64-bit ids, 1.0, -0 and 1e400 are written exactly as they were read. A number
 * that JavaScript would print differently is kept as a JSON.rawJSON value, which JSON.stringify writes unchanged. Treat
 * such a value as a leaf (isRawNumber): a spread, copy or walk makes it a plain object with a member `rawJSON`.
 */

/** A number, kept as its text. Only rawNumber and parseExactJson make it. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Functions of ECMAScript that TypeScript has no types for yet (proposal "JSON.parse source text access"). */
interface ExactJson {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const exact = JSON as unknown as ExactJson;

/**
 * Numbers that JSON.parse can change: 16 digits or more, a fraction or an exponent, and -0. Also matches inside strings.
 * Most JSON has no match and costs no more than JSON.parse.
 */
const DOUBTFUL = /(?<=^|[:,[\s])(?:-0(?![\d.eE])|-?(?:\d{16}|(?:0|[1-9]\d*)[.eE]))[\d.eE+-]*/g;
/**
 * A string (even without its end), or a number outside strings. It tells real numbers from those inside strings, such as
 * "at":"07:08:10.120".
 */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Prefix of the string that replaces a number during JSON.parse. Random, so no input can contain it. */
const MARK = `${crypto.randomUUID()} `;

/** Input or output of 96 KiB has at most 32,768 of them; each costs about a microsecond. */
const MAX_RAW_NUMBERS = 50_000;

const isKept = (text: string): boolean => String(Number(text)) === text;

/** The value of a JSON number: a JavaScript number if that prints the same text, else a RawNumber. */
export const rawNumber = (text: string): number | RawNumber => (isKept(text) ? Number(text) : exact.rawJSON(text));

export const isRawNumber = (value: unknown): value is RawNumber => exact.isRawJSON(value);

/** The nearest JavaScript number, to compute with. Infinity if it is out of range. */
export const plainNumber = (value: number | RawNumber): number =>
  typeof value === 'number' ? value : Number(value.rawJSON);

/** Whether JSON.parse would change a number of the text. */
export const mayLoseNumbers = (text: string): boolean =>
  hasLossy(text, DOUBTFUL) && (!text.includes('"') || hasLossy(text, TEXT_OR_NUMBER));

/** Whether `pattern` finds a number that JavaScript prints differently. */
const hasLossy = (text: string, pattern: RegExp): boolean => {
  pattern.lastIndex = 0;
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    if (!found[0].startsWith('"') && !isKept(found[0])) return true;
  }
  return false;
};

/**
 * JSON.parse, but numbers keep their digits.
 * @throws SyntaxError if the text is not valid JSON, is nested too deeply, or has more than MAX_RAW_NUMBERS raw numbers
 */
export const parseExactJson = (text: string): unknown => {
  if (!mayLoseNumbers(text)) return JSON.parse(text);
  let count = 0;
  // A reviver would do it too, but takes four times as long if few of many members are such numbers.
  const marked = text.replace(TEXT_OR_NUMBER, (token) => {
    if (token.startsWith('"') || isKept(token) || !NUMBER.test(token)) return token;
    count += 1;
    if (count > MAX_RAW_NUMBERS)
      throw new SyntaxError(`The JSON has too many numbers that JavaScript cannot keep: at most ${MAX_RAW_NUMBERS}.`);
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

/** Replaces marks by their numbers; lists and objects are changed in place. */
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
