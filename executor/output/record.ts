/** Structured log records (CONTRACT.md: "a JSON object on one line with a message and a level"). */
import type { EpochMs, JsonObject, JsonValue, LogException, LogLevel } from '../../src/domain/events.ts';
import { parseException, parseStack } from './exception.ts';
import { setMember } from './json.ts';
import { parseLevel } from './level.ts';
import { parseTime } from './time.ts';

/** Names of members; of several that are usable the first one counts and the others stay in the fields. */
const MESSAGE = ['msg', 'message', 'event'] as const;
const LEVEL = ['level', 'levelname', 'severity', 'lvl'] as const;
const TIME = ['time', 'timestamp', 'ts', 'asctime', '@timestamp'] as const;
const LOGGER = ['name', 'logger', 'component'] as const;
const EXCEPTION = ['err', 'error', 'exc_info', 'exception'] as const;
/** Beside an exception they are its stack. zap says stacktrace, logstash stack_trace. */
const STACK = ['stack', 'stacktrace', 'stack_trace'] as const;

export interface StructuredRecord {
  readonly message: string;
  readonly level: LogLevel;
  /** Null where the record has no usable time. */
  readonly timestamp: EpochMs | null;
  readonly logger: string | null;
  readonly exception: LogException | null;
  readonly fields: JsonObject | null;
  /** The members that say level and time. */
  readonly levelMember: string;
  readonly timeMember: string | null;
}

/** The record that the value is, or null where it has no message or no level that is known. */
export const parseRecord = (value: JsonValue): StructuredRecord | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const members = value as JsonObject;
  /** What is used up, with what is left of it. */
  const taken = new Map<string, JsonValue | undefined>();
  const take = <T>(names: readonly string[], parse: (value: JsonValue | undefined) => T | null): Taken<T> | null => {
    for (const name of names) {
      if (!Object.hasOwn(members, name)) continue;
      const parsed = parse(members[name]);
      if (parsed === null) continue;
      taken.set(name, undefined);
      return { name, value: parsed };
    }
    return null;
  };
  const level = take(LEVEL, parseLevel);
  if (level === null) return null;
  const message = take(MESSAGE, messageOf);
  if (message === null) return null;
  const time = take(TIME, parseTime);
  return {
    message: message.value,
    level: level.value,
    timestamp: time?.value ?? null,
    logger: take(LOGGER, loggerOf)?.value ?? null,
    exception: exceptionOf(members, take, taken),
    fields: fieldsOf(members, taken),
    levelMember: level.name,
    timeMember: time?.name ?? null,
  };
};

interface Taken<T> {
  readonly name: string;
  readonly value: T;
}

const messageOf = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;

const loggerOf = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

const exceptionOf = (
  members: JsonObject,
  take: (names: readonly string[], parse: typeof parseStack) => Taken<LogException> | null,
  taken: Map<string, JsonValue | undefined>,
): LogException | null => {
  for (const name of EXCEPTION) {
    const found = Object.hasOwn(members, name) ? parseException(name, members[name]) : null;
    if (found === null) continue;
    taken.set(name, found.rest);
    const { exception } = found;
    const stack = exception.stack === null ? (take(STACK, parseStack)?.value ?? null) : null;
    if (stack === null) return exception;
    return { type: exception.type ?? stack.type, message: exception.message ?? stack.message, stack: stack.stack };
  }
  return take(STACK, parseStack)?.value ?? null;
};

const fieldsOf = (members: JsonObject, taken: ReadonlyMap<string, JsonValue | undefined>): JsonObject | null => {
  const fields: Record<string, JsonValue> = {};
  let some = false;
  for (const name of Object.keys(members)) {
    const value = taken.has(name) ? taken.get(name) : members[name];
    if (value === undefined) continue;
    setMember(fields, name, value);
    some = true;
  }
  return some ? fields : null;
};
