/** Reads exceptions as loggers write them: objects, messages, tracebacks and stacks. */
import type { JsonObject, JsonValue, LogException } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';

/** The exception, and what is left of its member for the record's fields. */
export interface FoundException {
  readonly exception: LogException;
  readonly rest: JsonValue | undefined;
}

const TYPE = String.raw`[A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$<][\w$<>]*)*`;
const TYPE_AND_MESSAGE = new RegExp(String.raw`^(${TYPE})(?: \[[\w$]+\])?(?:: ?([\s\S]*))?$`);
/** Names that are recognizable as those of exceptions. */
const EXCEPTION_NAME = /(?:Error|Exception|Warning|Exit|Interrupt|Failure|Fault|Stop\w*|Panic)$/;
const PYTHON = 'Traceback (most recent call last):';
/** Stack frames of JavaScript, Java and .NET; Python and Ruby; Go; PHP. */
const FRAME = /(?:^|\n)(?:[ \t]*at \S.*[:(]|[ \t]*File "|[ \t]*from \S+:\d+:in|\t\S+:\d+|#\d+ \S|goroutine \d+ \[)/;
const NO_ERROR: ReadonlySet<string> = new Set([
  '<nil>',
  'nil',
  'null',
  'none',
  'undefined',
  'false',
  'no',
  'ok',
  '-',
  '0',
]);

/** Members whose text is a message and not a traceback. */
const MESSAGES: ReadonlySet<string> = new Set(['err', 'error', 'reason', 'cause']);

/**
 * Reads the exception in a member (err, error, exc_info, exception). Null if it is not one, such as `true`, "<nil>", or
 * an object without type, message and stack. `isFailure`: the record's level reports a failure. Without that, a plain
 * text in `error` ("error": "0.5 %") is not an exception.
 */
export const parseException = (
  name: string,
  value: JsonValue | undefined,
  isFailure: boolean,
): FoundException | null => {
  if (typeof value === 'string') return fromMember(name, value, isFailure);
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return null;
  if (Array.isArray(value)) return fromArray(name, value as readonly JsonValue[]);
  return fromObject(value as JsonObject);
};

/** Reads a member that holds a stack, which can start with type and message. Null if it has no frames. */
export const parseStack = (value: JsonValue | undefined): LogException | null => {
  const text = textOf(value);
  return text !== null && FRAME.test(text) ? fromText('stack', text) : null;
};

/** Reads the stack beside an exception: text of several lines, or frames. */
export const parseStackBeside = (value: JsonValue | undefined): LogException | null => {
  const text = textOf(value);
  return text !== null && (text.trim().includes('\n') || FRAME.test(text)) ? fromText('stack', text) : null;
};

/** A text, an array of its lines, or an array of frames, which become lines as in JavaScript and Java. */
const textOf = (value: JsonValue | undefined): string | null => {
  if (typeof value === 'string') return value.trim() === '' ? null : value;
  if (!Array.isArray(value) || value.length === 0) return null;
  const lines = value.map((line: JsonValue) => (typeof line === 'string' ? line : frameOf(line)));
  return lines.includes(null) ? null : lines.join('\n');
};

const FUNCTION = ['method', 'func', 'function', 'methodName'] as const;
const FILE = ['fullFilePath', 'source', 'file', 'fileName', 'filename'] as const;
const LINE = ['line', 'lineNumber', 'lineno'] as const;

/** A frame as an object, as zerolog, tslog and Log4j 2 write it. */
const frameOf = (value: JsonValue): string | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const frame = value as JsonObject;
  const text = (names: readonly string[]): string | null => {
    const found = names.map((name) => frame[name]).find((one) => typeof one === 'string' || typeof one === 'number');
    return found === undefined ? null : String(found);
  };
  const [name, file, line, outer] = [text(FUNCTION), text(FILE), text(LINE), text(['class', 'className'])];
  if (name === null || (file ?? outer) === null) return null;
  const location = file === null || line === null || /:\d+$/.test(file) ? file : `${file}:${line}`;
  return `    at ${[outer, name].filter((one) => one !== null).join('.')} (${location ?? 'unknown'})`;
};

const fromMember = (name: string, value: string, isFailure: boolean): FoundException | null => {
  const text = value.trim();
  if (text === '' || NO_ERROR.has(text.toLowerCase())) return null;
  const exception = fromText(name, value);
  const isMereText = exception.type === null && exception.stack === null;
  if (name === 'error' && !isFailure && isMereText && named(text, null) === null) return null;
  return { exception, rest: undefined };
};

const MEMBERS = {
  type: ['type', 'name', 'exc_type', 'exceptionType', 'exception_class', 'errorType', 'className', 'class', 'kind'],
  message: ['message', 'msg', 'exc_value', 'exception_message', 'errorMessage', 'value'],
  stack: [
    ...['stack', 'stacktrace', 'stack_trace', 'stackTrace', 'extendedStackTrace', 'traceback', 'backtrace', 'trace'],
    ...['frames', 'stepArray'],
  ],
} as const;
/** An object that has only these is not an exception. */
const WEAK: ReadonlySet<string> = new Set(['class', 'kind', 'value']);
const STRONG = Object.values(MEMBERS)
  .flat()
  .filter((name) => !WEAK.has(name));

const fromObject = (value: JsonObject): FoundException | null => {
  const rest = new Map(Object.entries(value));
  const take = (names: readonly string[], read: (value: JsonValue | undefined) => string | null): string | null => {
    for (const name of names) {
      const text = read(rest.get(name));
      if (text === null) continue;
      rest.delete(name);
      return text;
    }
    return null;
  };
  const textAlone = (member: JsonValue | undefined): string | null =>
    typeof member === 'string' ? textOf(member) : null;
  if (!STRONG.some((name) => textOf(rest.get(name)) !== null)) return null;
  const exception = {
    type: take(MEMBERS.type, textAlone),
    message: take(MEMBERS.message, (member) => (typeof member === 'string' ? member : null)),
    stack: take(MEMBERS.stack, textOf),
  };
  return { exception, rest: rest.size === 0 ? undefined : Object.fromEntries(rest) };
};

/**
 * Lines of a stack, or structlog's dict_tracebacks: the exception, then its causes, whose frames stay in the fields.
 */
const fromArray = (name: string, value: readonly JsonValue[]): FoundException | null => {
  const lines = textOf(value);
  if (lines !== null) return FRAME.test(lines) ? { exception: fromText(name, lines), rest: undefined } : null;
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
  if (MESSAGES.has(name)) return { type: null, message: text, stack: null };
  const lines = text.trim().split('\n');
  if (name !== 'stack' && lines.length === 1) {
    return named(lines[0] ?? '', null) ?? { type: null, message: text, stack: null };
  }
  // exc_info without its header can still end with "ValueError: no".
  return named(lines.at(-1) ?? '', text) ?? { type: null, message: null, stack: text };
};

/** The exception starts with the first line after the last frames that is not indented. */
const fromPython = (text: string, from: number): LogException => {
  const lines = text.slice(from).split('\n');
  const at = lines.findIndex((line) => /^\S/.test(line));
  return withHead(at < 0 ? '' : lines.slice(at).join('\n').trimEnd(), text);
};

const withHead = (start: string, stack: string): LogException => {
  // JBoss' formatter writes a prefix, which can be empty.
  const head = start.replace(/^: /, '');
  const [, type = null, message = null] = TYPE_AND_MESSAGE.exec(head) ?? [];
  return { type, message: type === null && head !== '' ? head : message, stack };
};

const named = (line: string, stack: string | null): LogException | null => {
  const [, type, message = null] = TYPE_AND_MESSAGE.exec(line) ?? [];
  return type !== undefined && EXCEPTION_NAME.test(type) ? { type, message, stack } : null;
};
