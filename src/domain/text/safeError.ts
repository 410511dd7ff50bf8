/**
 * The part of an error that is safe to log. Errors carry more than their message: those of ioredis the command with its
 * arguments, those of child_process arguments and environment, those of dockerode the engine's response, those of
 * JSON.parse a piece of the input.
 */

const MESSAGE_CHARACTERS = 2000;
const STACK_CHARACTERS = 8000;
/** How many causes of causes are logged. */
const DEPTH = 5;
/** How many errors of an AggregateError are logged. */
const ERRORS = 10;

/** An error without other members. */
export interface SafeError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string | number;
  readonly syscall?: string;
  readonly statusCode?: number;
  readonly signal?: string;
  readonly cause?: SafeError;
  readonly errors?: readonly SafeError[];
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // A password in a URL, of any scheme.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'`]*@/gi, '$1[redacted]@'],
  // Variables of executors, which an engine can repeat.
  [
    /\b(RUN_KEY|RUN_INPUT|REDIS_URL|EXECUTOR_REDIS_URL|SECRETS_KEY|ADMIN_TOKEN|JWT_SECRET)(["']?\s*[=:]\s*)[^\s,\]}]+/g,
    '$1$2[redacted]',
  ],
  [/\bBearer\s+[\w.~+/=-]+/gi, 'Bearer [redacted]'],
  // Redis repeats commands that it does not know.
  [/(with args beginning with: ).*/g, '$1[redacted]'],
  // V8 quotes the input of JSON.parse: `Unexpected token 'x', ..."input"... is not valid JSON`.
  [/Unexpected token .*? is not valid JSON/gs, 'the text is not valid JSON'],
];

/** The text without the passwords, tokens and input that errors are known to repeat. */
export const redact = (text: string): string =>
  PATTERNS.reduce((safe, [pattern, replacement]) => safe.replace(pattern, replacement), text);

const short = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);

const known = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

/** Any thrown value, for a log. */
export const safeError = (thrown: unknown, depth = 0): SafeError => {
  if (!(thrown instanceof Error)) {
    // Code that throws something else can throw anything, even input.
    return {
      type: typeof thrown,
      message: known(thrown) ? redact(short(String(thrown), MESSAGE_CHARACTERS)) : '',
      stack: '',
    };
  }
  const { code, syscall, statusCode, signal, errors } = thrown as {
    readonly [Name in 'code' | 'syscall' | 'statusCode' | 'signal' | 'errors']?: unknown;
  };
  const deeper = depth < DEPTH;
  return {
    type: thrown.name,
    message: redact(short(thrown.message, MESSAGE_CHARACTERS)),
    stack: redact(short(thrown.stack ?? '', STACK_CHARACTERS)),
    ...(known(code) ? { code } : {}),
    ...(typeof syscall === 'string' ? { syscall } : {}),
    ...(typeof statusCode === 'number' ? { statusCode } : {}),
    ...(typeof signal === 'string' ? { signal } : {}),
    ...(deeper && thrown.cause !== undefined && thrown.cause !== null
      ? { cause: safeError(thrown.cause, depth + 1) }
      : {}),
    ...(deeper && Array.isArray(errors)
      ? { errors: errors.slice(0, ERRORS).map((one) => safeError(one, depth + 1)) }
      : {}),
  };
};

/** The same as text, for standard error: its stack and those of its causes. */
export const safeErrorText = (thrown: unknown): string => {
  const lines: string[] = [];
  const add = (error: SafeError, prefix: string): void => {
    lines.push(`${prefix}${error.stack === '' ? `${error.type}: ${error.message}` : error.stack}`);
    for (const one of error.errors ?? []) add(one, '  one of several: ');
    if (error.cause !== undefined) add(error.cause, '  caused by: ');
  };
  add(safeError(thrown), '');
  return lines.join('\n');
};
