/** The time zone of a command, for times in its records that have no offset. */
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { EpochMs } from '../../../src/domain/events.ts';
import { type OffsetAt, posixOffsets } from './posixZone.ts';

const DAY_MS = 86_400_000;
/** Since 1970 all changes of offsets are at full quarters of an hour. */
const QUARTER_MS = 900_000;
/** Offsets are cached for so many quarters. Policy: a full cache is cleared. */
const MAX_KEPT = 4096;
/** A compiled time zone has a few KiB (tzfile(5)). Larger files are not read. */
const MAX_FILE_BYTES = 256 * 1024;

/** Converts local times. Cheap per call: it caches the offset of each quarter of an hour. */
export class Zone {
  readonly #offsetAt: OffsetAt;
  readonly #kept = new Map<number, number>();

  /** `offsetAt`: milliseconds that the zone is ahead of UTC at an instant. */
  constructor(offsetAt: OffsetAt) {
    this.#offsetAt = offsetAt;
  }

  /** Milliseconds that the zone is ahead of UTC at an instant. */
  offsetAt(at: EpochMs): number {
    return this.#offsetAt(at);
  }

  /**
   * The instant of a local time, which is given as if it were UTC. When clocks are set back, an hour comes twice: the
   * instant nearer to `now` is used if it is within a day, else the first one. When they are set forward, an hour is
   * skipped: it is read with the offset before the change, as Date does.
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

/** The zone that `find` returns. It is called when it is first needed, because Intl takes 25 ms of a start. */
export const lazyZone = (find: () => Zone): Zone => {
  let found: Zone | null = null;
  return new Zone((at) => {
    found ??= find();
    return found.offsetAt(at);
  });
};

/**
 * The zone that a value of TZ means (tzset(3)): a name of the time zone database, with or without ":", or a POSIX rule
 * ("EST5EDT,M3.2.0,M11.1.0"). UTC if it is empty or unknown. `local`, the zone of the machine or image, if it is not
 * set.
 */
export const zoneOf = (tz: string | undefined, local: () => Zone): Zone => {
  if (tz === undefined) return local();
  const name = tz.replace(/^:/, '').replace(/^.*\/zoneinfo\//, '');
  if (name === '/etc/localtime') return local();
  return namedZone(name.replace(/^(?:posix|right)\//, '')) ?? ruleZone(name) ?? UTC;
};

/** The zone of /etc/localtime in `root`: a link to a name, or a compiled zone. UTC if there is none. */
export const localZone = (root = '/'): Zone => {
  const path = join(root, 'etc/localtime');
  try {
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) {
      const name = /zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(readlinkSync(path))?.[1];
      return (name === undefined ? null : namedZone(name)) ?? UTC;
    }
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return UTC;
    // The last line is the rule for times after the last change in the file.
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

/** Names of the time zone database. Intl accepts more ("+03:00", any letter case). */
const NAME = /^[A-Z][\w+-]*(?:\/[A-Z][\w+-]*)*$/;
/** Its names of three letters. Intl has more ("PST", "IST"), which the C library reads as UTC. */
const SHORT_NAMES: ReadonlySet<string> = new Set('CET EET EST GMT HST MET MST PRC ROC ROK UCT UTC WET'.split(' '));

/** Null if the time zone database of Node.js has no such name. */
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
  // Intl shows years before 1 in another era.
  const seconds = Math.floor(Math.max(at, 0) / 1000) * 1000;
  const parts = new Map(format.formatToParts(seconds).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const day = Date.UTC(part('year'), part('month') - 1, part('day'));
  return day + ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 - seconds;
};
