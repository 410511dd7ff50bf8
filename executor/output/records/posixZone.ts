/** Time zones as POSIX rules (POSIX.1-2024, 8.3, TZ): "EST5", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30". */
import type { EpochMs } from '../../../src/domain/events.ts';

/** How far a clock is ahead of UTC at an instant, milliseconds. */
export type OffsetAt = (at: EpochMs) => number;

/** When summer time begins or ends: milliseconds of local time since the start of the year. */
type Change = (year: number) => number;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const NAME = '(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)';
const TIME = String.raw`[+-]?\d{1,3}(?::\d{1,2}){0,2}`;
const ZONE = new RegExp(`^${NAME}(${TIME})(?:(${NAME})(${TIME})?(?:,([^,]+),([^,]+))?)?$`);
/** Dates of a rule that has none: those of the United States, as in glibc and musl. */
const BEGIN = 'M3.2.0';
const END = 'M11.1.0';

/** The offsets of a rule. Null if the text is not a rule. */
export const posixOffsets = (rule: string): OffsetAt | null => {
  const parts = ZONE.exec(rule);
  if (parts === null) return null;
  // POSIX counts offsets westwards.
  const standard = -timeOf(parts[1] ?? '');
  if (Math.abs(standard) > 25 * HOUR_MS) return null;
  if (parts[2] === undefined) return () => standard;
  const summer = parts[3] === undefined ? standard + HOUR_MS : -timeOf(parts[3]);
  const begin = changeOf(parts[4] ?? BEGIN);
  const end = changeOf(parts[5] ?? END);
  if (begin === null || end === null) return null;
  return (at) => {
    const year = new Date(at + standard).getUTCFullYear();
    const newYear = Date.UTC(year, 0, 1);
    const from = newYear + begin(year) - standard;
    const to = newYear + end(year) - summer;
    // On the southern hemisphere summer time includes the new year.
    const isSummer = from < to ? at >= from && at < to : at >= from || at < to;
    return isSummer ? summer : standard;
  };
};

const timeOf = (text: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/^[+-]/, '').split(':').map(Number);
  const ms = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return text.startsWith('-') ? -ms : ms;
};

const changeOf = (text: string): Change | null => {
  const [date = '', time = '2', more] = text.split('/');
  if (more !== undefined || !new RegExp(`^${TIME}$`).test(time)) return null;
  const day = dayOf(date);
  return day === null ? null : (year) => day(year) * DAY_MS + timeOf(time);
};

/** Days since 1 January. */
const dayOf = (date: string): ((year: number) => number) | null => {
  const weekday = /^M(\d{1,2})\.([1-5])\.([0-6])$/.exec(date);
  if (weekday !== null) {
    const [month = 0, week = 0, day = 0] = weekday.slice(1).map(Number);
    return month < 1 || month > 12 ? null : (year) => nthWeekday(year, month, week, day);
  }
  const julian = /^(J?)(\d{1,3})$/.exec(date);
  if (julian === null) return null;
  const day = Number(julian[2]);
  if (julian[1] === '') return () => day;
  // J counts from 1 and never counts 29 February.
  return (year) => (new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1 && day > 59 ? day : day - 1);
};

/** Week 5 is the last week of the month that has the weekday. */
const nthWeekday = (year: number, month: number, week: number, weekday: number): number => {
  const first = Date.UTC(year, month - 1, 1);
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  let day = ((weekday - new Date(first).getUTCDay() + 7) % 7) + (week - 1) * 7;
  if (day >= length) day -= 7;
  return (first - Date.UTC(year, 0, 1)) / DAY_MS + day;
};
