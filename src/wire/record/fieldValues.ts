/** Values of fields that an attempt can write: one of the wrong form or size is read as if it were missing. */
import type { ProgressUpdatedDraft } from '../../domain/events.ts';
import { FAILURE_REASONS, type Failure, type RunRecord } from '../../domain/run.ts';

export type Fields = Readonly<Record<string, string>>;

/** The greatest number that is also a valid time. */
const LARGEST = 8.64e15;
/** The greatest Int of GraphQL. */
const LARGEST_INT = 2 ** 31 - 1;
/** Characters of a text that an attempt writes. Longer than every valid one. */
const LARGEST_TEXT = 1024 * 1024;

export const text = (fields: Fields, name: string): string | null => {
  const value = fields[name];
  return value && value.length <= LARGEST_TEXT ? value : null;
};

/** A whole number from `least` on. */
const whole = (fields: Fields, name: string, [least, most]: readonly [number, number]): number | null => {
  const value = fields[name] ? Number(fields[name]) : Number.NaN;
  return Number.isInteger(value) && value >= least && value <= most ? value : null;
};

export const time = (fields: Fields, name: string): number | null => whole(fields, name, [0, LARGEST]);
export const count = (fields: Fields, name: string): number => time(fields, name) ?? 0;
/** A number from 1 on, or 1. */
export const ordinal = (fields: Fields, name: string): number => whole(fields, name, [1, LARGEST_INT]) ?? 1;
export const int = (fields: Fields, name: string): number | null => whole(fields, name, [-LARGEST_INT, LARGEST_INT]);

export const parsed = (parse: (text: string) => unknown, value: string | undefined): unknown => {
  try {
    return value ? parse(value) : undefined;
  } catch {
    return undefined;
  }
};
export const json = <T>(fields: Fields, name: string, fallback: T, fits: (value: unknown) => boolean): T => {
  const value = parsed(JSON.parse, fields[name]);
  return value !== undefined && fits(value) ? (value as T) : fallback;
};

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isList = (value: unknown, fits: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(fits);
export const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= LARGEST_TEXT;
const isTextOrNull = (value: unknown): boolean => value === null || value === undefined || isText(value);
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

/** A digest of SHA-256 in hexadecimal. */
export const digest = (fields: Fields): string | null => {
  const value = fields.digest ?? '';
  return /^[0-9a-f]{64}$/.test(value) ? value : null;
};

const isFailure = (value: unknown): boolean =>
  isObject(value) &&
  FAILURE_REASONS.some((reason) => reason === value.reason) &&
  isText(value.message) &&
  isTextOrNull(value.signal);

export const failure = (fields: Fields): Failure | null => json(fields, 'failure', null, isFailure);

const isProgress = (value: unknown): boolean => {
  if (!isObject(value) || value.kind !== ('ProgressUpdated' satisfies ProgressUpdatedDraft['kind'])) return false;
  const { seq, attempt, timestamp, current, total, label, unit } = value;
  const places = [seq, attempt].every((one) => isWhole(one) && one >= 0 && one <= LARGEST_INT);
  const amounts = Number.isFinite(current) && (total == null || Number.isFinite(total));
  return places && isWhole(timestamp) && Math.abs(timestamp) <= LARGEST && amounts && [label, unit].every(isTextOrNull);
};

export const progress = (fields: Fields): RunRecord['progress'] => json(fields, 'progress', null, isProgress);
