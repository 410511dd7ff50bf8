import type { JsonValue, LogLevel } from '../../../src/domain/events.ts';
import { isRawNumber } from '../../../src/domain/text/exactJson.ts';

/**
 * Level names of syslog, Python, zap, zerolog, logrus and slog (Go), winston, Java, .NET, loguru, PostgreSQL, Google
 * Cloud.
 */
const NAMES: Readonly<Record<LogLevel, string>> = {
  TRACE: 'trace trc trce silly finest finer test',
  DEBUG: 'debug dbg debg verbose fine config http debug1 debug2 debug3 debug4 debug5',
  INFO: 'info inf information informational notice ntc success default log statement',
  WARNING: 'warn warning wrn',
  ERROR: 'error err eror erro severe',
  CRITICAL: 'critical crit fatal ftl panic dpanic alert emerg emergency',
};

const BY_NAME: ReadonlyMap<string, LogLevel> = new Map(
  (Object.entries(NAMES) as [LogLevel, string][]).flatMap(([level, names]) =>
    names.split(' ').map((name): [string, LogLevel] => [name, level]),
  ),
);

/** Meaning of numbers as levels: each level with its lowest number, the most severe first. */
type Steps = readonly (readonly [from: number, LogLevel])[];
const steps = (below: number, ...from: Steps): Steps => [...from, [below, 'TRACE']];
const SCALES = {
  /** pino and bunyan. A custom level between two of them counts as the lower one. */
  tens: steps(10, [60, 'CRITICAL'], [50, 'ERROR'], [40, 'WARNING'], [30, 'INFO'], [20, 'DEBUG']),
  python: steps(1, [50, 'CRITICAL'], [40, 'ERROR'], [30, 'WARNING'], [20, 'INFO'], [10, 'DEBUG']),
  monolog: steps(1, [500, 'CRITICAL'], [400, 'ERROR'], [300, 'WARNING'], [200, 'INFO'], [100, 'DEBUG']),
  /** OpenTelemetry's SeverityNumber. */
  otel: steps(1, [21, 'CRITICAL'], [17, 'ERROR'], [13, 'WARNING'], [9, 'INFO'], [5, 'DEBUG']),
  /** RFC 5424, negated, because there 0 is the most severe. */
  syslog: steps(-7, [-2, 'CRITICAL'], [-3, 'ERROR'], [-4, 'WARNING'], [-6, 'INFO'], [-7, 'DEBUG']),
  /** Serilog and Microsoft.Extensions.Logging, Nextcloud. */
  dotnet: steps(0, [5, 'CRITICAL'], [4, 'ERROR'], [3, 'WARNING'], [2, 'INFO'], [1, 'DEBUG']),
  nextcloud: steps(0, [4, 'CRITICAL'], [3, 'ERROR'], [2, 'WARNING'], [1, 'INFO'], [0, 'DEBUG']),
} as const satisfies Readonly<Record<string, Steps>>;
export type Scale = keyof typeof SCALES;
const HIGHEST: Readonly<Record<Scale, number>> = {
  tens: 69.99,
  python: 99,
  monolog: 600,
  otel: 24,
  syslog: 0,
  dotnet: 5,
  nextcloud: 4,
};

/** MongoDB, CockroachDB, klog. */
const LETTERS: Readonly<Record<string, LogLevel>> = {
  t: 'TRACE',
  d: 'DEBUG',
  i: 'INFO',
  w: 'WARNING',
  e: 'ERROR',
  f: 'CRITICAL',
};

/** log/slog (Go) writes levels between its own as "INFO+2" or "ERROR+4" (Level.String). */
const SLOG: Readonly<Record<string, number>> = { debug: -4, info: 0, warn: 4, error: 8 };
const BY_SLOG: Steps = [
  [12, 'CRITICAL'],
  [8, 'ERROR'],
  [4, 'WARNING'],
  [0, 'INFO'],
  [-4, 'DEBUG'],
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: winston's colorize writes ANSI colours around the level
const COLOUR = /\u001b\[[0-9;]*m/g;

/**
 * The level that a member's value means, as any common logger writes it. Null if it is not known. `scale`: for numbers.
 */
export const parseLevel = (value: JsonValue | undefined, scale: Scale = 'tens'): LogLevel | null => {
  if (typeof value === 'number') return fromNumber(value, scale);
  if (isRawNumber(value)) return fromNumber(Number(value.rawJSON), scale);
  if (typeof value !== 'string' || value.length > 64) return null;
  return fromName(value, scale);
};

const fromNumber = (number: number, scale: Scale): LogLevel | null => {
  const severity = scale === 'syslog' ? -number : number;
  if (severity > HIGHEST[scale]) return null;
  return SCALES[scale].find(([from]) => severity >= from)?.[1] ?? null;
};

const fromName = (text: string, scale: Scale): LogLevel | null => {
  const known = BY_NAME.get(text) ?? BY_NAME.get(text.toLowerCase());
  if (known !== undefined) return known;
  const name = text.replace(COLOUR, '').trim().toLowerCase();
  const found = BY_NAME.get(name);
  if (found !== undefined) return found;
  if (scale === 'tens' ? /^\d\d$/.test(name) : /^\d+$/.test(name)) return fromNumber(Number(name), scale);
  const between = /^(debug|info|warn|error)([+-]\d{1,4})$/.exec(name);
  if (between !== null) {
    const number = (SLOG[between[1] ?? ''] ?? 0) + Number(between[2]);
    return BY_SLOG.find(([from]) => number >= from)?.[1] ?? 'TRACE';
  }
  // Python writes a level without a name so.
  const numbered = /^level (\d{1,2})$/.exec(name);
  return numbered === null ? null : fromNumber(Number(numbered[1]), 'python');
};

/** The level of a letter, such as "I" or "D2". */
export const parseLetter = (value: JsonValue | undefined): LogLevel | null =>
  typeof value === 'string' && /^[A-Z]\d?$/.test(value) ? (LETTERS[value.charAt(0).toLowerCase()] ?? null) : null;
