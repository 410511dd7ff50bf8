/** JSON that a command printed, made fit for events. */
import type { JsonValue } from '../../src/domain/events.ts';
import type { Masks } from './masks.ts';

/** Deeper values are no records and no output: what writes and reads JSON recursively would fall over them. */
const MAX_DEPTH = 100;

/** The value, or undefined where the text is no JSON or nested deeper than 100 levels. */
export const parseJson = (text: string): JsonValue | undefined => {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isShallow(value, MAX_DEPTH) ? value : undefined;
  } catch {
    return undefined;
  }
};

/** JSON numbers keep no more digits than a double has; a secret number is looked for in what was printed. */
class PrintedNumber {
  readonly value: number;
  readonly text: string;
  constructor(value: number, text: string) {
    this.value = value;
    this.text = text;
  }
}

/** The value that parseJson took from this text, with its secrets masked and no lone surrogate. */
export const cleanJson = (value: JsonValue, text: string, masks: Masks): JsonValue => {
  if (masks.empty) return clean(value, null);
  const printed: unknown = JSON.parse(text, (_key, member: unknown, context?: { source?: string }) =>
    typeof member === 'number' ? new PrintedNumber(member, context?.source ?? String(member)) : member,
  );
  return clean(printed, masks);
};

/** Sets an own member, whatever its name (an assignment to `__proto__` would not). */
export const setMember = (target: Record<string, JsonValue>, name: string, value: JsonValue): void => {
  if (name !== '__proto__') target[name] = value;
  else Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
};

const clean = (value: unknown, masks: Masks | null): JsonValue => {
  if (typeof value === 'string') return cleanText(value, masks);
  if (value instanceof PrintedNumber) return cleanNumber(value, masks);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return value as boolean | null;
  if (Array.isArray(value)) return value.map((item: unknown) => clean(item, masks));
  const copy: Record<string, JsonValue> = {};
  for (const [name, member] of Object.entries(value)) setMember(copy, cleanText(name, masks), clean(member, masks));
  return copy;
};

const cleanText = (text: string, masks: Masks | null): string => {
  const formed = text.toWellFormed();
  return masks === null ? formed : masks.text(formed);
};

const cleanNumber = ({ value, text }: PrintedNumber, masks: Masks | null): JsonValue => {
  if (masks !== null && (masks.text(text) !== text || masks.text(String(value)) !== String(value))) return '***';
  return Number.isFinite(value) ? value : null;
};

const isShallow = (value: JsonValue, depth: number): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && !isShallow(member, depth - 1)) return false;
  }
  return true;
};
