/**
 * The service's own log: JSON lines on standard output, by pino. What must not be in it is kept out here, whatever the
 * caller passes: errors are written without their arguments, known secrets are replaced, and a warning that repeats is
 * told once in a while.
 */
import type { DestinationStream, Logger, LoggerOptions } from 'pino';
import { pino } from 'pino';
import { safeError } from './domain/text/safeError.ts';

/** What a field must not show. */
const REDACTED = ['url', '*.url', 'password', '*.password', 'redisUrl', '*.redisUrl', 'token', '*.token'];
const CENSOR = '[redacted]';

/** Warnings alike are told once in this time, with how many were not. */
const WARN_EVERY_MS = 10_000;
/** Warnings that are remembered; beyond it the oldest are forgotten, and told again. */
const WARNINGS = 500;
/** Shorter texts are no secrets, and would be found everywhere. */
const SECRET_CHARACTERS = 6;

/** Of this process. Few: passwords and keys of its own; those of runs are never told to a log. */
const secrets = new Set<string>();

/** From now on no line of the log shows this text. */
export const hideFromLog = (secret: string | null): void => {
  if (secret === null || secret.length < SECRET_CHARACTERS) return;
  // As JSON and URLs write it, too.
  for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) secrets.add(form);
};

const withoutSecrets = (line: string): string => {
  let safe = line;
  for (const secret of secrets) safe = safe.replaceAll(secret, CENSOR);
  return safe;
};

/** Which warnings were told lately. Those with an error are alike where it is: also for another run. */
class Repetitions {
  readonly #told = new Map<string, { at: number; held: number }>();

  /** How many alike were held back before this one; null where it is to be held back too. */
  note(message: string, fields: unknown, now: number): number | null {
    const { err, error, ...rest } = (typeof fields === 'object' && fields !== null ? fields : {}) as Record<
      string,
      unknown
    >;
    const thrown = fields instanceof Error ? fields : (err ?? error);
    const what =
      thrown === undefined ? JSON.stringify(rest) : thrown instanceof Error ? thrown.message : String(thrown);
    const key = `${message}\n${what}`;
    const known = this.#told.get(key);
    if (known !== undefined && now - known.at < WARN_EVERY_MS) {
      known.held += 1;
      return null;
    }
    this.#told.delete(key);
    this.#told.set(key, { at: now, held: 0 });
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= WARNINGS) break;
      this.#told.delete(oldest);
    }
    return known?.held ?? 0;
  }
}

/** @param level one of pino's names, or "silent". @param destination for tests; default: standard output */
export const createLogger = (level: string, destination?: DestinationStream): Logger => {
  const repetitions = new Repetitions();
  const { warn } = pino.levels.values;
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    redact: { paths: REDACTED, censor: CENSOR },
    // `error` is a mistake of the caller's (test/unit/logger), but its text is better than `{}`.
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
