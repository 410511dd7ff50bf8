/** Finds the exception of a record where its format has it. */
import type { JsonObject, JsonValue, LogException, LogLevel } from '../../../src/domain/events.ts';
import { parseException, parseStack, parseStackBeside } from './exception.ts';
import type { Format } from './format.ts';
import { isObject, type Place, placeOf, type Taken, valueAt } from './members.ts';

/** Beside an exception they are its stack. zap says stacktrace, logstash stack_trace. */
const STACKS = ['stack', 'stacktrace', 'stack_trace', 'stackTrace'];

/** The exception; what is used of the members is added to `taken`. */
export const exceptionIn = (
  members: JsonObject,
  format: Format,
  level: LogLevel,
  taken: Taken,
): LogException | null => {
  const isFailure = level === 'WARNING' || level === 'ERROR' || level === 'CRITICAL';
  const stacks = [...(format.stack ?? []), ...STACKS];
  for (const path of format.exception) {
    const exception = at(members, path, isFailure, taken);
    if (exception === null) continue;
    const stack = exception.stack === null ? stackIn(members, stacks, parseStackBeside, taken) : null;
    if (stack === null) return exception;
    return { type: exception.type ?? stack.type, message: exception.message ?? stack.message, stack: stack.stack };
  }
  return partsIn(members, format, taken) ?? stackIn(members, stacks, parseStack, taken);
};

const partsIn = (members: JsonObject, { exceptionParts = [] }: Format, taken: Taken): LogException | null => {
  const names = exceptionParts.filter((name) => Object.hasOwn(members, name));
  if (names.length === 0) return null;
  const found = parseException('', Object.fromEntries(names.map((name) => [name, members[name] ?? null])), true);
  for (const name of found === null ? [] : names) taken.add([name]);
  return found?.exception ?? null;
};

const at = (members: JsonObject, path: string, isFailure: boolean, taken: Taken): LogException | null => {
  if (path.endsWith('.*')) return spelledOut(members, path.slice(0, -2), taken);
  const place = placeOf(members, path);
  if (place === null) return null;
  const found = parseException(place.at(-1) ?? '', valueAt(members, place), isFailure);
  if (found === null) return null;
  taken.add(place, found.rest);
  return found.exception;
};

/** `error.type`, `error.message` and others as members with dots in their names, as ECS and OpenTelemetry have them. */
const spelledOut = (members: JsonObject, path: string, taken: Taken): LogException | null => {
  const dot = path.lastIndexOf('.');
  const place: Place = dot < 0 ? [] : (placeOf(members, path.slice(0, dot)) ?? []);
  if (dot >= 0 && place.length === 0) return null;
  const outer = valueAt(members, place);
  if (!isObject(outer)) return null;
  const prefix = `${path.slice(dot + 1)}.`;
  const names = Object.keys(outer).filter((name) => name.startsWith(prefix));
  if (names.length === 0) return null;
  const inner = Object.fromEntries(names.map((name) => [name.slice(prefix.length), outer[name] ?? null]));
  const found = parseException(path.slice(dot + 1), inner, true);
  if (found === null) return null;
  const rest = isObject(found.rest) ? found.rest : {};
  for (const name of names) if (!Object.hasOwn(rest, name.slice(prefix.length))) taken.add([...place, name]);
  return found.exception;
};

const stackIn = (
  members: JsonObject,
  paths: readonly string[],
  parse: (value: JsonValue | undefined) => LogException | null,
  taken: Taken,
): LogException | null => {
  for (const path of paths) {
    const place = placeOf(members, path);
    const stack = place === null ? null : parse(valueAt(members, place));
    if (place === null || stack === null) continue;
    taken.add(place);
    return stack;
  }
  return null;
};
