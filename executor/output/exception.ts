/** Exceptions as loggers write them: objects, messages, tracebacks and stacks. */
import type { JsonObject, JsonValue, LogException } from '../../src/domain/events.ts';

/** What was understood, and what is left of the member for the record's fields. */
interface FoundException {
  readonly exception: LogException;
  readonly rest: JsonValue | undefined;
}

const TYPE = String.raw`[A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$<][\w$<>]*)*`;
const TYPE_AND_MESSAGE = new RegExp(String.raw`^(${TYPE})(?: \[[\w$]+\])?(?:: ?([\s\S]*))?$`);
/** A name that says of itself that it is an exception's. */
const EXCEPTION_NAME = /(?:Error|Exception|Warning|Exit|Interrupt|Failure|Fault|Stop\w*|Panic)$/;
const PYTHON = 'Traceback (most recent call last):';

/**
 * The exception in a member (err, error, exc_info, exception), or null where it is none, such as `true` or
 * an object that has neither type, message nor stack.
 */
export const parseException = (name: string, value: JsonValue | undefined): FoundException | null => {
  if (typeof value === 'string') {
    return value.trim() === '' ? null : { exception: fromText(name, value), rest: undefined };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) return fromChain(value as readonly JsonValue[]);
  return fromObject(value as JsonObject);
};

/** A member that is a stack (stack, stacktrace): its text, with the type and message that it may begin with. */
export const parseStack = (value: JsonValue | undefined): LogException | null =>
  typeof value === 'string' && value.trim() !== '' ? fromText('stack', value) : null;

const MEMBERS = {
  type: ['type', 'name', 'class', 'kind'],
  message: ['message', 'msg'],
  stack: ['stack', 'stacktrace', 'traceback'],
} as const;

const fromObject = (value: JsonObject): FoundException | null => {
  const rest = new Map(Object.entries(value));
  const take = (names: readonly string[]): string | null => {
    for (const name of names) {
      const member = rest.get(name);
      if (typeof member !== 'string') continue;
      rest.delete(name);
      return member;
    }
    return null;
  };
  // a class or kind alone makes no exception
  if (!['type', 'name', ...MEMBERS.message, ...MEMBERS.stack].some((name) => typeof rest.get(name) === 'string')) {
    return null;
  }
  const exception = { type: take(MEMBERS.type), message: take(MEMBERS.message), stack: take(MEMBERS.stack) };
  return { exception, rest: rest.size === 0 ? undefined : Object.fromEntries(rest) };
};

/** structlog's dict_tracebacks: the exception first, then its causes. The frames stay in the fields. */
const fromChain = (value: readonly JsonValue[]): FoundException | null => {
  const first = value[0];
  if (typeof first !== 'object' || first === null || Array.isArray(first)) return null;
  const { exc_type: type, exc_value: message } = first as JsonObject;
  if (typeof type !== 'string') return null;
  return { exception: { type, message: typeof message === 'string' ? message : null, stack: null }, rest: value };
};

const fromText = (name: string, text: string): LogException => {
  const header = text.lastIndexOf(PYTHON);
  if (header >= 0) return fromPython(text, header + PYTHON.length);
  const frames = /\n[ \t]+at /.exec(text);
  if (frames !== null) return withHead(text.slice(0, frames.index).trim(), text);
  if (name === 'err' || name === 'error') return { type: null, message: text, stack: null };
  const lines = text.trim().split('\n');
  if (name !== 'stack' && lines.length === 1) {
    return named(lines[0] ?? '', null) ?? { type: null, message: text, stack: null };
  }
  // a text of exc_info without its header can still end with "ValueError: no"
  return named(lines.at(-1) ?? '', text) ?? { type: null, message: null, stack: text };
};

/** The exception stands behind the last frames, from the first line that is not indented. */
const fromPython = (text: string, from: number): LogException => {
  const lines = text.slice(from).split('\n');
  const at = lines.findIndex((line) => /^\S/.test(line));
  return withHead(at < 0 ? '' : lines.slice(at).join('\n').trimEnd(), text);
};

const withHead = (head: string, stack: string): LogException => {
  const [, type = null, message = null] = TYPE_AND_MESSAGE.exec(head) ?? [];
  return { type, message: type === null && head !== '' ? head : message, stack };
};

const named = (line: string, stack: string | null): LogException | null => {
  const [, type, message = null] = TYPE_AND_MESSAGE.exec(line) ?? [];
  return type !== undefined && EXCEPTION_NAME.test(type) ? { type, message, stack } : null;
};
