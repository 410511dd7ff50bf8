/**
 * Reads structured log records: a JSON object with a level, and a message or a time (docs/reference/log-formats.md).
 */
import type { EpochMs, JsonObject, JsonValue, LogException, LogLevel } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';
import { setMember } from '../json/printedJson.ts';
import { exceptionIn } from './exceptionIn.ts';
import type { Format } from './format.ts';
import { FORMATS } from './formats.ts';
import { parseLetter, parseLevel } from './level.ts';
import { findPath, isObject, type MemberPath, UsedMembers, valueAt } from './members.ts';
import { type Clock, parseTime } from './time.ts';

export interface StructuredRecord {
  readonly message: string;
  readonly level: LogLevel;
  /** Null if the record has no usable time. */
  readonly timestamp: EpochMs | null;
  readonly logger: string | null;
  readonly exception: LogException | null;
  readonly fields: JsonObject | null;
  /** The members that hold level and time. Null if there are none. */
  readonly levelPath: MemberPath | null;
  readonly timePath: MemberPath | null;
}

/** Reads a record. Null if it has no known level, or neither a message nor a time. */
export const parseRecord = (value: JsonValue, clock: Clock): StructuredRecord | null => {
  if (!isObject(value)) return null;
  for (const format of formatsOf(value)) {
    const found = read(value, format, clock);
    if (found !== null) return found;
  }
  return null;
};

const BY_MARK = new Map<string, number[]>();
FORMATS.forEach(({ marks }, index) => {
  for (const mark of marks) BY_MARK.set(mark, [...(BY_MARK.get(mark) ?? []), index]);
});
const UNMARKED = FORMATS.filter(({ marks }) => marks.length === 0);

/** The rows that fit the record, in the order of the table. */
const formatsOf = (members: JsonObject): readonly Format[] => {
  let fitting: number[] | null = null;
  for (const name of Object.keys(members)) {
    const indexes = BY_MARK.get(name);
    if (indexes === undefined) continue;
    for (const index of indexes) {
      const { shape } = FORMATS[index] as Format;
      if (fitting?.includes(index) || shape?.test(members) === false) continue;
      fitting ??= [];
      fitting.push(index);
    }
  }
  if (fitting === null) return UNMARKED;
  return [...fitting.sort((a, b) => a - b).map((index) => FORMATS[index] as Format), ...UNMARKED];
};

interface Found<T> {
  readonly location: MemberPath | null;
  readonly value: T;
}

/** The first of the paths whose value `parse` accepts. */
const find = <T>(
  members: JsonObject,
  paths: readonly string[],
  parse: (value: JsonValue | undefined) => T | null,
): Found<T> | null => {
  for (const path of paths) {
    const location = findPath(members, path);
    if (location === null) continue;
    const value = parse(valueAt(members, location));
    if (value !== null) return { location, value };
  }
  return null;
};

const read = (members: JsonObject, format: Format, clock: Clock): StructuredRecord | null => {
  const level = levelOf(members, format);
  if (level === null) return null;
  const message = find(members, format.message, messageOf) ?? templated(members, format);
  const time = find(members, format.time, (value) => parseTime(value, clock));
  const used = new UsedMembers();
  const exception = exceptionIn(members, format, level.value, used);
  if (!isRecord(members, format, { level, message, time, exception })) return null;
  const logger = find(members, format.logger, loggerOf);
  for (const found of [level, message, time, logger]) if (found?.location) used.add(found.location);
  for (const path of format.repeats ?? []) {
    const location = findPath(members, path);
    if (location !== null) used.add(location);
  }
  return {
    message: message?.value ?? '',
    level: level.value,
    timestamp: time?.value ?? null,
    logger: logger?.value ?? null,
    exception,
    fields: used.restOf(members, format.spread) ?? null,
    levelPath: level.location,
    timePath: time?.location ?? null,
  };
};

const levelOf = (members: JsonObject, { level, scale, defaultLevel }: Format): Found<LogLevel> | null => {
  const found = find(members, level, (value) => (scale === 'letters' ? parseLetter(value) : parseLevel(value, scale)));
  if (found !== null) return found;
  const value = defaultLevel?.(members) ?? null;
  return value === null ? null : { location: null, value };
};

interface Parts {
  readonly level: Found<LogLevel>;
  readonly message: Found<string> | null;
  readonly time: Found<EpochMs> | null;
  readonly exception: LogException | null;
}

/**
 * A level alone is not a record, nor is a number as level with a `message`: other JSON, such as a game's, has those
 * too.
 */
const isRecord = (members: JsonObject, { message: paths, scale }: Format, parts: Parts): boolean => {
  const { level, message, time, exception } = parts;
  if (time !== null || exception !== null) return true;
  if (scale === undefined && typeof members.level === 'number' && level.location?.[0] === 'level') {
    return Object.hasOwn(members, 'msg') || Object.hasOwn(members, 'pid');
  }
  // winston and NestJS can write an object as message, which stays a field.
  return message !== null || paths.some((path) => findPath(members, path) !== null);
};

const messageOf = (value: JsonValue | undefined): string | null => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isRawNumber(value)) return value.rawJSON;
  // Several arguments of a logging function, joined as console.log does.
  return Array.isArray(value) && typeof value[0] === 'string'
    ? value.map((part: JsonValue) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')
    : null;
};

const loggerOf = (value: JsonValue | undefined): string | null => {
  if (typeof value === 'string') return value === '' ? null : value;
  return Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === 'string')
    ? value.join('.')
    : null;
};

/** Serilog's message template with its values: "{User} logged in", "{@Order:l}" (messagetemplates.org). */
const templated = (members: JsonObject, { template = [] }: Format): Found<string> | null => {
  const found = find(members, template, (value) => (typeof value === 'string' ? value : null));
  if (found === null) return null;
  const holes = isObject(members.Properties) ? members.Properties : members;
  const value = found.value.replace(/\{[@$]?(\w+)(?:[,:][^{}]*)?\}/g, (hole, name: string) => {
    const member = Object.hasOwn(holes, name) ? holes[name] : undefined;
    return member === undefined ? hole : typeof member === 'string' ? member : JSON.stringify(member);
  });
  return { location: found.location, value };
};

/** Adds the repeated members of a record to its fields. Of a repeated name, the logger's own value comes first. */
export const withFields = (record: StructuredRecord, more: JsonObject): StructuredRecord => {
  const fields = { ...record.fields };
  for (const name of Object.keys(more)) {
    if (!Object.hasOwn(fields, name)) setMember(fields, name, more[name] ?? null);
  }
  return { ...record, fields };
};
