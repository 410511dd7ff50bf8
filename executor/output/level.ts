/** Levels as loggers write them. */
import type { JsonValue, LogLevel } from '../../src/domain/events.ts';

/** Names of syslog, Python, Go's zap, zerolog, logrus and slog, winston, Java, .NET, loguru and Google Cloud. */
const NAMES: Readonly<Record<LogLevel, string>> = {
  TRACE: 'trace trc silly finest finer',
  DEBUG: 'debug dbg verbose fine config http',
  INFO: 'info inf information informational notice success default log',
  WARNING: 'warn warning wrn',
  ERROR: 'error err severe',
  CRITICAL: 'critical crit fatal ftl panic dpanic alert emerg emergency',
};

const BY_NAME: ReadonlyMap<string, LogLevel> = new Map(
  (Object.entries(NAMES) as [LogLevel, string][]).flatMap(([level, names]) =>
    names.split(' ').map((name): [string, LogLevel] => [name, level]),
  ),
);

/** pino and bunyan count in tens; a level of one's own between two of them is as severe as the lower one. */
const BY_TENS: readonly LogLevel[] = ['TRACE', 'DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

/** Go's log/slog names what lies between its levels by the distance: "INFO+2", "ERROR+4" (log/slog, Level.String). */
const SLOG: Readonly<Record<string, number>> = { debug: -4, info: 0, warn: 4, error: 8 };
const BY_SLOG: readonly (readonly [number, LogLevel])[] = [
  [12, 'CRITICAL'],
  [8, 'ERROR'],
  [4, 'WARNING'],
  [0, 'INFO'],
  [-4, 'DEBUG'],
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: winston's colorize puts ANSI colours around the level
const COLOUR = /\u001b\[[0-9;]*m/g;

/** The level that a member's value means, or null where it is none that is known. */
export const parseLevel = (value: JsonValue | undefined): LogLevel | null => {
  if (typeof value === 'number')
    return value >= 10 && value < 70 ? (BY_TENS[Math.floor(value / 10) - 1] ?? null) : null;
  if (typeof value !== 'string' || value.length > 64) return null;
  const name = value.replace(COLOUR, '').trim().toLowerCase();
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  if (/^\d\d$/.test(name)) return parseLevel(Number(name));
  const between = /^(debug|info|warn|error)([+-]\d{1,4})$/.exec(name);
  if (between === null) return null;
  const number = (SLOG[between[1] ?? ''] ?? 0) + Number(between[2]);
  return BY_SLOG.find(([from]) => number >= from)?.[1] ?? 'TRACE';
};
