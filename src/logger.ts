/**
 * The service's own log: JSON lines on standard output, by pino. Secrets are removed here, whatever a caller passes:
 * errors are written without their arguments, and known secrets are replaced. A warning that repeats is logged once in
 * WARN_EVERY_MS.
 */
import type { DestinationStream, Logger, LoggerOptions } from 'pino';
import { pino } from 'pino';
import { safeError } from './domain/text/safeError.ts';

/** Fields whose values are never logged. */
const REDACTED = ['url', 'password', 'redisUrl', 'token', 'authorization', 'connectionParams', 'headers'].flatMap(
  (name) => [name, `*.${name}`],
);
const CENSOR = '[redacted]';

/** Equal warnings are logged once in this time, with the number of those that were not logged. */
const WARN_EVERY_MS = 10_000;
/** Warnings that are remembered, at most; the oldest are forgotten first and then logged again. */
const WARNINGS = 500;
/** Shorter texts are not replaced: they occur in other texts too. */
const SECRET_CHARACTERS = 6;

/** Secrets of this process: a few passwords and keys. Secrets of runs are never passed to the log. */
const secrets = new Set<string>();

/** Replaces this text in all later lines of the log. Safe to repeat. */
export const hideFromLog = (secret: string | null): void => {
  if (secret === null || secret.length < SECRET_CHARACTERS) return;
  // Also in the forms that it has in JSON and in URLs.
  for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) secrets.add(form);
};

/** Tokens of clients, which are not known beforehand, by their forms: API tokens, JWTs, and what follows `Bearer`. */
const TOKENS = /\brl_[0-9A-Za-z]{49}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?<=\bbearer\s+)[^\s"\\]{16,}/gi;

const withoutSecrets = (line: string): string => {
  let safe = line.replace(TOKENS, CENSOR);
  for (const secret of secrets) safe = safe.replaceAll(secret, CENSOR);
  return safe;
};

/** The warnings that were logged lately. Warnings with equal errors are equal, also for different runs. */
class Repetitions {
  readonly #logged = new Map<string, { at: number; held: number }>();

  /** Number of equal warnings that were not logged before this one; null: this one is not logged either. */
  note(message: string, fields: unknown, now: number): number | null {
    const { err, error, ...rest } = (typeof fields === 'object' && fields !== null ? fields : {}) as Record<
      string,
      unknown
    >;
    const thrown = fields instanceof Error ? fields : (err ?? error);
    const what =
      thrown === undefined ? JSON.stringify(rest) : thrown instanceof Error ? thrown.message : String(thrown);
    const key = `${message}\n${what}`;
    const known = this.#logged.get(key);
    if (known !== undefined && now - known.at < WARN_EVERY_MS) {
      known.held += 1;
      return null;
    }
    this.#logged.delete(key);
    this.#logged.set(key, { at: now, held: 0 });
    for (const oldest of this.#logged.keys()) {
      if (this.#logged.size <= WARNINGS) break;
      this.#logged.delete(oldest);
    }
    return known?.held ?? 0;
  }
}

/** `level`: one of pino's names, or "silent". `destination`: for tests; default: standard output. */
export const createLogger = (level: string, destination?: DestinationStream): Logger => {
  const repetitions = new Repetitions();
  const { warn } = pino.levels.values;
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    redact: { paths: REDACTED, censor: CENSOR },
    // The right name is `err`; `error` is serialized too, since a caller can use it by mistake (test/unit/logger.test.ts).
    serializers: { err: safeError, error: safeError },
    hooks: {
      logMethod(args, method, levelNumber) {
        const [fields, message] = args as unknown as [unknown, unknown];
        if (levelNumber !== warn) return method.apply(this, args);
        const held = repetitions.note(typeof fields === 'string' ? fields : String(message), fields, performance.now());
        if (held === null) return;
        if (held === 0 || typeof fields !== 'object' || fields === null || fields instanceof Error) {
          return method.apply(this, args);
        }
        method.call(this, { ...fields, repeated: held } as unknown as string, message as string);
      },
      streamWrite: withoutSecrets,
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
};
