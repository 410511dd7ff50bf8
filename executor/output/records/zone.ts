/** The time zone of a command, for the times in its records that name none. */
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { EpochMs } from '../../../src/domain/events.ts';
import { type OffsetAt, posixOffsets } from './posixZone.ts';

const DAY_MS = 86_400_000;
/** All changes of clocks since 1970 are at whole quarters of an hour. */
const QUARTER_MS = 900_000;
/** Offsets are kept for this many quarters; then they are forgotten all at once. */
const MAX_KEPT = 4096;
/** A compiled zone has some kilobytes (tzfile(5)); what is larger is none. */
const MAX_FILE_BYTES = 256 * 1024;

/** A zone's clock. Cheap per call: what the zone says is kept for each quarter of an hour. */
export class Zone {
  readonly #offsetAt: OffsetAt;
  readonly #kept = new Map<number, number>();

  /** `offsetAt`: how far the zone's clock is ahead of UTC at an instant, milliseconds. */
  constructor(offsetAt: OffsetAt) {
    this.#offsetAt = offsetAt;
  }

  /** How far the zone's clock is ahead of UTC at an instant, milliseconds. */
  offsetAt(at: EpochMs): number {
    return this.#offsetAt(at);
  }

  /**
   * The instant at which the zone's clock shows `local`, which is given as if it were UTC. When the clock is set back
   * it shows an hour twice: then the instant is the one that is nearer to `now`, if that is within a day, else the
   * first one. When it is set forward it leaves out an hour: that is read with the offset before, as Date does.
   */
  toInstant(local: EpochMs, now: EpochMs): EpochMs {
    const quarter = Math.floor(local / QUARTER_MS);
    const kept = this.#kept.get(quarter);
    if (kept !== undefined) return local - kept;
    const before = this.#offsetAt(local - DAY_MS);
    const after = this.#offsetAt(local + DAY_MS);
    if (before !== after) return this.#nearChange(local, before, after, now);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(quarter, before);
    return local - before;
  }

  #nearChange(local: EpochMs, before: number, after: number, now: EpochMs): EpochMs {
    const first = local - before;
    const second = local - after;
    const isFirst = this.#offsetAt(first) === before;
    if (this.#offsetAt(second) !== after) return first;
    if (!isFirst) return second;
    const distance = Math.abs(now - second);
    return distance < DAY_MS && distance < Math.abs(now - first) ? second : first;
  }
}

export const UTC = new Zone(() => 0);

/** The zone that `find` tells, asked for at the first time that needs it: Intl would take 25 ms of each start. */
export const lazyZone = (find: () => Zone): Zone => {
  let found: Zone | null = null;
  return new Zone((at) => {
    found ??= find();
    return found.offsetAt(at);
  });
};

/**
 * The zone that TZ means to a program (tzset(3)): a name of the zone database, with or without ":", or a POSIX rule
 * ("EST5EDT,M3.2.0,M11.1.0"). UTC where it is empty or unknown; `local`, the machine's or image's own, where it is unset.
 */
export const zoneOf = (tz: string | undefined, local: () => Zone): Zone => {
  if (tz === undefined) return local();
  const name = tz.replace(/^:/, '').replace(/^.*\/zoneinfo\//, '');
  if (name === '/etc/localtime') return local();
  return namedZone(name.replace(/^(?:posix|right)\//, '')) ?? ruleZone(name) ?? UTC;
};

/** The zone of /etc/localtime below `root`: a link to a name, or a compiled zone. UTC where there is none. */
export const localZone = (root = '/'): Zone => {
  const path = join(root, 'etc/localtime');
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) {
      const name = /zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(readlinkSync(path))?.[1];
      return (name === undefined ? null : namedZone(name)) ?? UTC;
    }
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return UTC;
    // its last line is the rule that holds from its last change on
    const lines = readFileSync(path, 'latin1').trimEnd().split('\n');
    return ruleZone(lines.at(-1) ?? '') ?? UTC;
  } catch {
    return UTC;
  }
};

const ruleZone = (rule: string): Zone | null => {
  const offsets = posixOffsets(rule);
  return offsets === null ? null : new Zone(offsets);
};

/** What the zone database's names look like; Intl has others ("+03:00", any letter case). */
const NAME = /^[A-Z][\w+-]*(?:\/[A-Z][\w+-]*)*$/;
/** Of three letters; Intl has more ("PST", "IST"), which to libc are rules without an offset, so UTC. */
const SHORT_NAMES: ReadonlySet<string> = new Set('CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '));

/** Null where the zone database, which Node.js brings along, has no such name. */
const namedZone = (name: string): Zone | null => {
  if (!NAME.test(name) || (name.length === 3 && !SHORT_NAMES.has(name))) return null;
  try {
    const format = new Intl.DateTimeFormat('en', {
      timeZone: name,
      hourCycle: 'h23',
      ...({ year: 'numeric', month: 'numeric', day: 'numeric' } as const),
      ...({ hour: 'numeric', minute: 'numeric', second: 'numeric' } as const),
    });
    return new Zone((at) => offsetBy(format, at));
  } catch {
    return null;
  }
};

const offsetBy = (format: Intl.DateTimeFormat, at: EpochMs): number => {
  // Intl has years of one era alone
  const seconds = Math.floor(Math.max(at, 0) / 1000) * 1000;
  const parts = new Map(format.formatToParts(seconds).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const day = Date.UTC(part('year'), part('month') - 1, part('day'));
  return day + ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 - seconds;
};
