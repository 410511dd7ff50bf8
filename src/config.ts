/**
 * The service's configuration: environment variables, read and checked once (docs/reference/configuration.md). main.ts
 * passes process.env in; no other file of the service reads it. Executors have an environment of their own.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { LIMITS } from './domain/limits.ts';
import { type Allotment, DEFAULT_ALLOTMENT } from './domain/policy/allotment.ts';
import { isLoopback } from './system/loopback.ts';
import { parseRedisUrl } from './wire/redisUrl.ts';

export interface Config {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Origins whose pages may use the service, beside its own; null: its own alone. */
  readonly allowedOrigins: readonly string[] | null;
  /** Whether clients can ask for the schema. */
  readonly introspection: boolean;
  /** Whether browsers get GraphiQL. */
  readonly graphiql: boolean;
  /** The only documents that are executed, by their ids; null: all documents are. */
  readonly persistedDocuments: ReadonlyMap<string, string> | null;
  /** True where HOST is not loopback, which ALLOW_NO_AUTH=1 allowed: to be warned of at the start. */
  readonly openToNetwork: boolean;
  /** Null: the private redis-server. */
  readonly redisUrl: string | null;
  /** Absolute. */
  readonly dataDirectory: string;
  readonly launcher: 'auto' | 'container' | 'process';
  /** Path of the engine's API socket; null: found. */
  readonly containerSocket: string | null;
  /** DOCKER_HOST as it stands, for the search of the engine. */
  readonly dockerHost: string | null;
  readonly executorImage: string | null;
  readonly executorRedisUrl: string | null;
  readonly executorNetwork: string;
  readonly allotment: Allotment;
  readonly maxConcurrentRuns: number;
  /** WebSockets of one client address; all clients of a reverse proxy have the proxy's. */
  readonly maxSocketsPerAddress: number;
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
  readonly logLevel: string;
  /**
   * Master key of secrets at rest, 32 bytes. Null: one is made once and kept in Redis, so whoever reads
   * Redis (or its files) can read the secrets too; to keep them apart, set SECRETS_KEY.
   */
  readonly secretsKey: Buffer | null;
  /** XDG_RUNTIME_DIR, where there is one; sockets go below it, else below /tmp. */
  readonly runtimeDirectory: string | null;
  /** PATH, LANG and TZ, which child processes get; nothing else of the environment is handed on. */
  readonly childEnvironment: Readonly<Record<string, string>>;
}

export interface ConfigProblem {
  /** Name of the environment variable. */
  readonly variable: string;
  readonly message: string;
}

/** The environment cannot be used; the process exits 78 (EX_CONFIG of sysexits.h). */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ variable, message }) => `${variable}: ${message}`).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;

const whole = (name: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .default(fallback);

/** A bound that is none where it is not set. */
const maximum = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .optional();

const decimal = (name: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .default(fallback);

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const host = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
  .refine((text) => isIP(text) !== 0 || HOST_NAME.test(text), 'must be an IP address or a host name, without a port')
  .default('127.0.0.1');

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:*,[\]]+)(:\d{1,5})?\/?$/i;

/** What is wrong with it as an origin, and what to write instead; null where it is one. */
const originProblem = (origin: string): string | null => {
  const shown = JSON.stringify(origin);
  if (origin === '') return 'has an empty entry: write origins with one comma between two';
  if (origin.includes('*')) return `${shown} has a wildcard: name each origin, such as https://app.example.org`;
  if (origin === 'null') return '"null" cannot be allowed: every local file and sandboxed frame has that origin';
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(origin))
    return `${shown} has no scheme: write http://${origin} or https://${origin}`;
  if (ORIGIN.test(origin) && URL.canParse(origin)) return null;
  return `${shown} is not an origin. Write scheme://host[:port], without user, path, query and fragment`;
};

const origins = z.string().transform((text, context): readonly string[] => {
  const found = text.split(',').map((origin) => origin.trim());
  return found.flatMap((origin) => {
    const message = originProblem(origin);
    if (message !== null) {
      context.addIssue({ code: 'custom', message });
      return [];
    }
    const normal = new URL(origin).origin;
    return [normal === 'null' ? origin.toLowerCase().replace(/\/$/, '') : normal];
  });
});

const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'it cannot be read' });
  }
});

const launcher = z
  .string()
  .transform((text, context): Config['launcher'] => {
    if (text === 'auto' || text === 'container' || text === 'process') return text;
    const known = 'auto, container or process';
    const message = text === 'kubernetes' ? `kubernetes is not there yet; use ${known}` : `must be ${known}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .default('auto');

const containerSocket = z
  .string()
  .transform((text) => text.replace(/^unix:\/\//, ''))
  .refine(isAbsolute, 'must be the absolute path of a unix socket');

const secretsKey = z.string().transform((text, context): Buffer => {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  const base64 = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) || /^[0-9a-f]{64}$/i.test(text);
  if (base64 && bytes.length === 32) return bytes;
  context.addIssue({ code: 'custom', message: 'must be 32 bytes, in base64 or as 64 hexadecimal digits' });
  return z.NEVER;
});

const onOff = z
  .string()
  .refine((text) => text === 'on' || text === 'off', 'must be on or off')
  .transform((text) => text === 'on')
  .default(true);

/** A JSON object of texts, such as persisted-documents.json of graphql-codegen. */
const documents = z.record(z.string(), z.string());
const persistedDocuments = z.string().transform((path, context): ReadonlyMap<string, string> => {
  try {
    const read = documents.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (read.success) return new Map(Object.entries(read.data));
    context.addIssue({ code: 'custom', message: `${path} must be a JSON object of documents: { "<id>": "<text>" }` });
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'it is not JSON' : (error as NodeJS.ErrnoException).code;
    context.addIssue({ code: 'custom', message: `${path} cannot be read: ${reason}` });
  }
  return z.NEVER;
});

const IMAGE_PATTERN = /^[a-z0-9*][\w.\-/:@*]{0,511}$/i;
const imagePatterns = z
  .string()
  .transform((text) => text.split(',').map((pattern) => pattern.trim()))
  .refine(
    (patterns) => patterns.every((pattern) => IMAGE_PATTERN.test(pattern)),
    'must be names of images separated by commas; * stands for any characters, such as registry.example/team/*',
  );

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

const schema = z.object({
  HOST: host,
  PORT: whole('a TCP port (0: a free one)', 0, 65_535, 4000),
  ALLOWED_ORIGINS: origins.optional(),
  ALLOW_NO_AUTH: z
    .string()
    .refine((text) => text === '1' || text === '0', 'must be 1 or unset')
    .optional(),
  INTROSPECTION: onOff,
  GRAPHIQL: onOff,
  PERSISTED_DOCUMENTS: persistedDocuments.optional(),
  REDIS_URL: redisUrl.optional(),
  DATA_DIR: z
    .string()
    .transform((path) => resolve(path))
    .default(resolve('data')),
  LAUNCHER: launcher,
  CONTAINER_SOCKET: containerSocket.optional(),
  DOCKER_HOST: z.string().optional(),
  EXECUTOR_IMAGE: z
    .string()
    .regex(/^[a-z0-9][\w.\-/:@]{0,511}$/i, 'must be the name of an image')
    .optional(),
  EXECUTOR_REDIS_URL: redisUrl.optional(),
  EXECUTOR_NETWORK: z
    .string()
    .regex(/^[a-zA-Z0-9][\w.-]{0,254}$/, 'must be none, bridge or the name of a network')
    .default('bridge'),
  ALLOWED_IMAGES: imagePatterns.optional(),
  DEFAULT_MEMORY_MB: whole('MiB', LIMITS.memoryMbMin, LIMITS.memoryMbMax, DEFAULT_ALLOTMENT.defaultMemoryMb),
  DEFAULT_CPUS: decimal('CPUs', LIMITS.cpusMin, LIMITS.cpusMax, DEFAULT_ALLOTMENT.defaultCpus),
  MAX_MEMORY_MB: maximum('MiB', LIMITS.memoryMbMin, LIMITS.memoryMbMax),
  MAX_CPUS: maximum('CPUs', LIMITS.cpusMin, LIMITS.cpusMax),
  MAX_TIMEOUT_SECONDS: maximum('seconds', 1, LIMITS.timeoutSeconds),
  MAX_CONCURRENT_RUNS: whole('runs', 1, 10_000, 2 * availableParallelism()),
  MAX_SOCKETS_PER_ADDRESS: whole('WebSockets', 1, 100_000, LIMITS.socketsPerAddress),
  // Above 256 KiB a single line would outgrow an appended batch (LIMITS.appendBytes).
  MAX_LINE_BYTES: whole('bytes', 16, 262_144, 65_536),
  MAX_LOG_BYTES: whole('bytes', 1024, 2 ** 40, 268_435_456),
  RETENTION_HOURS: decimal('hours', 0.0001, 3650 * DAY_HOURS, 168),
  CANCEL_GRACE_SECONDS: decimal('seconds', 0, 3600, 10),
  LOG_LEVEL: z
    .string()
    .refine((text) => LEVELS.includes(text), `must be one of ${LEVELS.join(', ')}`)
    .default('info'),
  SECRETS_KEY: secretsKey.optional(),
  XDG_RUNTIME_DIR: z.string().optional(),
});

/** Reads and checks all of it; an empty value counts as unset. @throws ConfigError with every problem */
export const readConfig = (env: Readonly<Record<string, string | undefined>>): Config => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const read = schema.safeParse(given);
  const problems: ConfigProblem[] = (read.error?.issues ?? []).map((issue) => ({
    variable: String(issue.path[0]),
    message: issue.message,
  }));
  const asked = host.safeParse(given.HOST);
  const openToNetwork = asked.success && !isLoopback(asked.data);
  if (openToNetwork && given.ALLOW_NO_AUTH !== '1') {
    const message = `${asked.data} is not loopback and there is no authentication yet; set ALLOW_NO_AUTH=1 to serve all the same`;
    problems.push({ variable: 'HOST', message });
  }
  if (!read.success || problems.length > 0) throw new ConfigError(problems);
  const values = read.data;
  return {
    host: values.HOST,
    port: values.PORT,
    allowedOrigins: values.ALLOWED_ORIGINS ?? null,
    introspection: values.INTROSPECTION,
    graphiql: values.GRAPHIQL,
    persistedDocuments: values.PERSISTED_DOCUMENTS ?? null,
    openToNetwork,
    redisUrl: values.REDIS_URL ?? null,
    dataDirectory: values.DATA_DIR,
    launcher: values.LAUNCHER,
    containerSocket: values.CONTAINER_SOCKET ?? null,
    dockerHost: values.DOCKER_HOST ?? null,
    executorImage: values.EXECUTOR_IMAGE ?? null,
    executorRedisUrl: values.EXECUTOR_REDIS_URL ?? null,
    executorNetwork: values.EXECUTOR_NETWORK,
    allotment: {
      allowedImages: values.ALLOWED_IMAGES ?? null,
      defaultMemoryMb: values.DEFAULT_MEMORY_MB,
      defaultCpus: values.DEFAULT_CPUS,
      maxMemoryMb: values.MAX_MEMORY_MB === undefined ? null : Math.floor(values.MAX_MEMORY_MB),
      maxCpus: values.MAX_CPUS ?? null,
      maxTimeoutSeconds: values.MAX_TIMEOUT_SECONDS === undefined ? null : Math.floor(values.MAX_TIMEOUT_SECONDS),
    },
    maxConcurrentRuns: values.MAX_CONCURRENT_RUNS,
    maxSocketsPerAddress: values.MAX_SOCKETS_PER_ADDRESS,
    maxLineBytes: values.MAX_LINE_BYTES,
    maxLogBytes: values.MAX_LOG_BYTES,
    retentionMs: Math.round(values.RETENTION_HOURS * HOUR_MS),
    cancelGraceMs: Math.round(values.CANCEL_GRACE_SECONDS * 1000),
    logLevel: values.LOG_LEVEL,
    secretsKey: values.SECRETS_KEY ?? null,
    runtimeDirectory: values.XDG_RUNTIME_DIR ?? null,
    childEnvironment: childEnvironment(given),
  };
};

const childEnvironment = (given: Readonly<Record<string, string | undefined>>): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'LANG', 'TZ']) {
    const value = given[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
};
