/** Instants as loggers write them. */
import type { EpochMs, JsonValue } from '../../src/domain/events.ts';

/** The last instant of year 9999. */
const MAX_MS = 253_402_300_799_999;
/** March 1973 as seconds. A smaller number is a duration, or the time since the program's start. */
const MIN_SECONDS = 1e8;

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)? ?(?:([Zz]|UTC|GMT)|([+-])(\d\d):?(\d\d)?)?$/;

/**
 * Epoch seconds, milliseconds, microseconds or nanoseconds (told apart by their size), as number or text;
 * RFC 3339, also with a space, a comma before the fraction, or no offset, as Python's asctime has it, which
 * then is local time. Parts of a millisecond are cut off. Null where it is no instant from 1970 to 9999.
 */
export const parseTime = (value: JsonValue | undefined): EpochMs | null => {
  if (typeof value === 'number') return fromNumber(value);
  if (typeof value !== 'string' || value.length > 64) return null;
  const text = value.trim();
  if (/^\d+(\.\d*)?$/.test(text)) return fromNumber(Number(text));
  return fromText(text);
};

const fromNumber = (value: number): EpochMs | null => {
  if (!(value >= MIN_SECONDS)) return null;
  // the same instants are a thousand times as large in each smaller unit
  const perMs = value < 1e11 ? 1e-3 : value < 1e14 ? 1 : value < 1e17 ? 1e3 : 1e6;
  // a millisecond that a double shows as …122.9998 is …123
  return inRange(Math.floor(perMs < 1 ? value * 1000 + 1e-3 : value / perMs));
};

const fromText = (text: string): EpochMs | null => {
  const parts = DATE_TIME.exec(text);
  if (parts === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const ms = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  // 60 is a leap second (RFC 3339, 5.6)
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return null;
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, ms);
  if (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return null;
  if (parts[8] !== undefined) return inRange(utc);
  if (parts[9] === undefined) return inRange(new Date(year, month - 1, day, hour, minute, second, ms).getTime());
  const offset = Number(parts[10]) * 60 + Number(parts[11] ?? 0);
  return inRange(parts[9] === '+' ? utc - offset * 60_000 : utc + offset * 60_000);
};

const inRange = (ms: number): EpochMs | null => (ms >= 0 && ms <= MAX_MS ? ms : null);
