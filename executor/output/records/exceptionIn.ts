import type { JsonObject, JsonValue, LogException, LogLevel } from '../../../src/domain/events.ts';
import { parseException, parseStack, parseStackBeside } from './exception.ts';
import type { Format } from './format.ts';
import { findPath, isObject, type MemberPath, type UsedMembers, valueAt } from './members.ts';

/** Members that hold the stack beside an exception. zap writes stacktrace, logstash stack_trace. */
const STACKS = ['stack', 'stacktrace', 'stack_trace', 'stackTrace'];

/** Finds the exception of a record at the paths of its format. Adds the members that it uses to `used`. */
export const exceptionIn = (
  members: JsonObject,
  format: Format,
  level: LogLevel,
  used: UsedMembers,
): LogException | null => {
  const isFailure = level === 'WARNING' || level === 'ERROR' || level === 'CRITICAL';
  const stacks = [...(format.stack ?? []), ...STACKS];
  for (const path of format.exception) {
    const exception = at(members, path, isFailure, used);
    if (exception === null) continue;
    const stack = exception.stack === null ? stackIn(members, stacks, parseStackBeside, used) : null;
    if (stack === null) return exception;
    return { type: exception.type ?? stack.type, message: exception.message ?? stack.message, stack: stack.stack };
  }
  return partsIn(members, format, used) ?? stackIn(members, stacks, parseStack, used);
};

const partsIn = (members: JsonObject, { exceptionParts = [] }: Format, used: UsedMembers): LogException | null => {
  const names = exceptionParts.filter((name) => Object.hasOwn(members, name));
  if (names.length === 0) return null;
  const found = parseException('', Object.fromEntries(names.map((name) => [name, members[name] ?? null])), true);
  for (const name of found === null ? [] : names) used.add([name]);
  return found?.exception ?? null;
};

const at = (members: JsonObject, path: string, isFailure: boolean, used: UsedMembers): LogException | null => {
  if (path.endsWith('.*')) return spelledOut(members, path.slice(0, -2), used);
  const location = findPath(members, path);
  if (location === null) return null;
  const found = parseException(location.at(-1) ?? '', valueAt(members, location), isFailure);
  if (found === null) return null;
  used.add(location, found.rest);
  return found.exception;
};

/** Members with dots in their names, such as `error.type` and `error.message` in ECS and OpenTelemetry. */
const spelledOut = (members: JsonObject, path: string, used: UsedMembers): LogException | null => {
  const dot = path.lastIndexOf('.');
  const location: MemberPath = dot < 0 ? [] : (findPath(members, path.slice(0, dot)) ?? []);
  if (dot >= 0 && location.length === 0) return null;
  const outer = valueAt(members, location);
  if (!isObject(outer)) return null;
  const prefix = `${path.slice(dot + 1)}.`;
  const names = Object.keys(outer).filter((name) => name.startsWith(prefix));
  if (names.length === 0) return null;
  const inner = Object.fromEntries(names.map((name) => [name.slice(prefix.length), outer[name] ?? null]));
  const found = parseException(path.slice(dot + 1), inner, true);
  if (found === null) return null;
  const rest = isObject(found.rest) ? found.rest : {};
  for (const name of names) if (!Object.hasOwn(rest, name.slice(prefix.length))) used.add([...location, name]);
  return found.exception;
};

const stackIn = (
  members: JsonObject,
  paths: readonly string[],
  parse: (value: JsonValue | undefined) => LogException | null,
  used: UsedMembers,
): LogException | null => {
  for (const path of paths) {
    const location = findPath(members, path);
    const stack = location === null ? null : parse(valueAt(members, location));
    if (location === null || stack === null) continue;
    used.add(location);
    return stack;
  }
  return null;
};
