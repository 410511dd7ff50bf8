import type { EpochMs, JsonObject, JsonValue } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';
import type { Zone } from './zone.ts';

/** The last instant of year 9999. */
const MAX_MS = 253_402_300_799_999;
/** 9 September 2001 and the year 2100 in seconds. A number outside is a duration or an amount and not a time. */
const MIN_SECONDS = 1e9;
const MAX_SECONDS = 4_102_444_800;
/** Maximum characters of a time. */
const MAX_LENGTH = 64;

const DATE_TIME =
  /^(\d{4})([-/])(\d\d)\2(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)? ?(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?(?: [A-Z]{1,5}| [+-]\d\d(?:\d\d)?)?)?(?: m=[+-][\d.]+)?$/;

/** `zone`: for times without an offset. `now`: when the line was read. */
export interface Clock {
  readonly zone: Zone;
  readonly now: EpochMs;
}

/**
 * Reads a time as loggers write it; null if it is not one. Accepts epoch seconds, milliseconds, microseconds and
 * nanoseconds (distinguished by size), as number or text; RFC 3339, also with a space, slashes, a comma before the
 * fraction, or Go's " +0000 UTC"; the same without an offset, as in Python's asctime, read in the clock's zone; and the
 * objects of `fromObject`. Fractions of a millisecond are cut off.
 */
export const parseTime = (value: JsonValue | undefined, clock: Clock): EpochMs | null => {
  if (typeof value === 'number') return fromNumber(value);
  if (typeof value === 'string') return value.length > MAX_LENGTH ? null : fromText(value.trim(), clock);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  if (isRawNumber(value)) return fromText(value.rawJSON, clock);
  return fromObject(value as JsonObject, clock);
};

/** Log4j 2's instant, protobuf's Timestamp, MongoDB's and Meteor's date, loguru's time, PHP's DateTime. */
const fromObject = (value: JsonObject, clock: Clock): EpochMs | null => {
  const own = (name: string): JsonValue | undefined => (Object.hasOwn(value, name) ? value[name] : undefined);
  const seconds = own('epochSecond') ?? own('seconds');
  if (seconds !== undefined) {
    const nanos = Number(own('nanoOfSecond') ?? own('nanos') ?? 0);
    const ms = parseTime(seconds, clock);
    return ms === null || !(nanos >= 0 && nanos < 1e9) ? ms : ms + Math.floor(nanos / 1e6);
  }
  const date = own('$date') ?? own('$numberLong') ?? own('timestamp');
  if (date !== undefined) return parseTime(date, clock);
  const php = own('date');
  if (typeof php !== 'string') return null;
  return parseTime(/^[+-]\d\d:\d\d$|^UTC$/.test(String(own('timezone'))) ? `${php} ${own('timezone')}` : php, clock);
};

const fromNumber = (value: number): EpochMs | null => {
  // In each smaller unit the same instant is a number a thousand times as large.
  for (const perSecond of [1, 1e3, 1e6, 1e9]) {
    if (!(value >= MIN_SECONDS * perSecond && value < MAX_SECONDS * perSecond)) continue;
    // A double can show the millisecond 123 as 122.9998.
    return Math.floor(perSecond === 1 ? value * 1000 + 1e-3 : value / (perSecond / 1000));
  }
  return null;
};

const fromText = (text: string, clock: Clock): EpochMs | null => {
  const parts = DATE_TIME.exec(text);
  if (parts === null) return /^\d+(\.\d*)?(?:[eE]\+?\d+)?$/.test(text) ? fromNumber(Number(text)) : null;
  const [year = 0, , month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 8).map(Number);
  const ms = Number((parts[8] ?? '').padEnd(3, '0').slice(0, 3));
  // 60 is a leap second (RFC 3339, 5.6).
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return null;
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  if (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  if (parts[9] !== undefined) return inRange(utc);
  if (parts[10] === undefined) return inRange(clock.zone.toInstant(utc, clock.now));
  const offset = Number(parts[11]) * 60 + Number(parts[12] ?? 0);
  return inRange(parts[10] === '+' ? utc - offset * 60_000 : utc + offset * 60_000);
};

const inRange = (ms: number): EpochMs | null => (ms >= 0 && ms <= MAX_MS ? ms : null);
