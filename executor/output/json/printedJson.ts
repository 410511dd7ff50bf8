/** Reads JSON that a command printed, and masks it. */
import type { JsonObject, JsonValue } from '../../../src/domain/events.ts';
import { isRawNumber, parseExactJson, plainNumber, type RawNumber } from '../../../src/domain/text/exactJson.ts';
import type { Masks } from '../masking/masks.ts';
import { nameOf, scanJson } from './jsonScan.ts';

/** Deeper values are not accepted: code that handles JSON recursively would overflow its stack. */
const MAX_DEPTH = 100;
/** Strings, also one without its end, and the numbers that Python and Ruby print though JSON does not have them. */
const TEXT_OR_NO_NUMBER = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)|-?\bInfinity\b|\bNaN\b/g;

/**
 * Parses JSON and keeps numbers as printed. NaN, Infinity and -Infinity become null. Undefined if the text is not JSON
 * or has more than 100 levels.
 */
export const parseJson = (text: string): JsonValue | undefined => {
  let value = parsed(text);
  if (value === undefined && /NaN|Infinity/.test(text)) value = parsed(withoutNaN(text));
  return value !== undefined && isShallow(value, MAX_DEPTH) ? value : undefined;
};

const parsed = (text: string): JsonValue | undefined => {
  try {
    return parseExactJson(text) as JsonValue;
  } catch {
    return undefined;
  }
};

const withoutNaN = (text: string): string =>
  text.replace(TEXT_OR_NO_NUMBER, (found) => (found.startsWith('"') ? found : 'null'));

/** The members of an object that repeats names: the first value of each name, and the last of the repeated ones. */
export interface RepeatedMembers {
  readonly first: JsonObject;
  readonly again: JsonObject;
}

/** Reads the members of an object that parseJson accepted. Null if no name is repeated. */
export const readRepeatedMembers = (text: string): RepeatedMembers | null => {
  const { members } = scanJson(text);
  if (new Set(members.map(nameOf)).size === members.length) return null;
  const first: Record<string, JsonValue> = {};
  const again: Record<string, JsonValue> = {};
  let some = false;
  for (const member of members) {
    const one = parseJson(`{${member}}`);
    if (one === undefined) return null;
    for (const [name, value] of Object.entries(one as JsonObject)) {
      const twice = Object.hasOwn(first, name);
      some ||= twice;
      setMember(twice ? again : first, name, value);
    }
  }
  return some ? { first, again } : null;
};

/**
 * Reads an object whose middle is missing: its complete members, and the beginning of a string that was cut. `tail`:
 * the end of the text. Undefined if nothing can be read.
 */
export const parseCutObject = (text: string, tail: string): JsonValue | undefined => {
  const beginning = beginningOf(text);
  if (beginning === undefined) return undefined;
  return { ...(membersAtEnd(tail) as JsonObject), ...(beginning as JsonObject) };
};

const beginningOf = (text: string): JsonValue | undefined => {
  const { members, open } = scanJson(text);
  // The cut can be inside an escape, which has up to six characters.
  for (const length of open === null ? [] : [0, 1, 2, 3, 4, 5]) {
    const closed = parseJson(`${text.slice(0, text.length - length)}"${open}`);
    if (closed !== undefined) return closed;
  }
  return parseJson(`{${members.slice(0, -1).join(',')}}`);
};

/** So many positions are tried as the start of the last members. */
const MAX_TRIES = 200;

/** The complete members at the end of an object. Those of an inner object fail to parse: a brace is left over. */
const membersAtEnd = (tail: string): JsonValue => {
  let at = tail.indexOf(',"');
  for (let tries = 0; at >= 0 && tries < MAX_TRIES; tries += 1) {
    const members = parseJson(`{${tail.slice(at + 1)}`);
    if (members !== undefined) return members;
    at = tail.indexOf(',"', at + 1);
  }
  return {};
};

/** Masks the value and replaces lone surrogates. */
export const cleanJson = (value: JsonValue, masks: Masks): JsonValue => {
  if (typeof value === 'string') return cleanText(value, masks);
  if (typeof value === 'number' || isRawNumber(value)) return cleanNumber(value, masks);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => cleanJson(item, masks));
  const copy: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(value)) setMember(copy, cleanText(name, masks), cleanJson(member, masks));
  return copy;
};

/** Sets an own property with any name. (An assignment to `__proto__` would not.) */
export const setMember = (target: Record<string, JsonValue>, name: string, value: JsonValue): void => {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};

const cleanText = (text: string, masks: Masks): string => masks.text(text.toWellFormed());

const cleanNumber = (value: number | RawNumber, masks: Masks): JsonValue =>
  masks.hidesNumber(typeof value === 'number' ? String(value) : value.rawJSON, plainNumber(value))
    ? '***'
    : (value as JsonValue);

const isShallow = (value: JsonValue, depth: number): boolean => {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return true;
  if (depth === 0) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && !isShallow(member, depth - 1)) return false;
  }
  return true;
};
