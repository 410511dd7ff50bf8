/**
 * The service's configuration: environment variables, read and checked once (docs/reference/configuration.md). main.ts
 * passes process.env in; no other file of the service reads it. Executors have an environment of their own.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import {
  containerSocket,
  decimal,
  host,
  imageName,
  imagePatterns,
  launcher,
  logLevel,
  maximum,
  networkName,
  onOff,
  origins,
  persistedDocuments,
  type Role,
  redisUrl,
  role,
  secretsKey,
  whole,
} from './configFields.ts';
import {
  type AuthConfig,
  adminToken,
  authKinds,
  authOf,
  authProblems,
  jwksUrl,
  jwtSecret,
  jwtText,
  publicKey,
} from './configIdentity.ts';
import { limitFields, limitSettings } from './configLimits.ts';
import { LIMITS } from './domain/limits.ts';
import { type Allotment, DEFAULT_ALLOTMENT } from './domain/policy/allotment.ts';
import type { LimitSettings } from './limits/limitSettings.ts';
import { isLoopback } from './system/loopback.ts';

export interface Config {
  readonly host: string;
  /** 0: a free port. */
  readonly port: number;
  /** Origins whose pages can use the service, in addition to its own; null: only its own. */
  readonly allowedOrigins: readonly string[] | null;
  /** Whether clients can ask for the schema. */
  readonly introspection: boolean;
  /** Whether browsers get GraphiQL. */
  readonly graphiql: boolean;
  /** Whether `/` is the viewer. */
  readonly viewer: boolean;
  /** The only documents that are executed, by their ids; null: all documents are. */
  readonly persistedDocuments: ReadonlyMap<string, string> | null;
  /** How callers are authenticated; null: not at all (AUTH=none). */
  readonly auth: AuthConfig | null;
  /** True where HOST is not loopback and AUTH is none, which ALLOW_NO_AUTH=1 permits. The start warns. */
  readonly openToNetwork: boolean;
  /** Null: the private redis-server. */
  readonly redisUrl: string | null;
  /** Absolute path. */
  readonly dataDirectory: string;
  /** all: serves, and starts runs; api: only serves; worker: only starts runs. */
  readonly role: Role;
  readonly launcher: 'auto' | 'container' | 'process';
  /** Path of the engine's API socket; null: the service looks for one. */
  readonly containerSocket: string | null;
  /** DOCKER_HOST, unchanged: a place where the service looks for an engine. */
  readonly dockerHost: string | null;
  readonly executorImage: string | null;
  readonly executorRedisUrl: string | null;
  readonly executorNetwork: string;
  readonly allotment: Allotment;
  readonly maxConcurrentRuns: number;
  /** WebSockets of one client address, at most. All clients of a reverse proxy have the proxy's address. */
  readonly maxSocketsPerAddress: number;
  /** What callers, addresses and tenants can use. */
  readonly limits: LimitSettings;
  readonly maxLineBytes: number;
  readonly maxLogBytes: number;
  readonly retentionMs: number;
  readonly cancelGraceMs: number;
  /** How long a pulled image stays after its last use; null: always. */
  readonly imageRetentionMs: number | null;
  readonly logLevel: string;
  /**
   * Master key of secrets at rest, 32 bytes. Null: a key is made once and kept in Redis. Then everybody who can read
   * Redis or its files can decrypt the secrets; SECRETS_KEY prevents that.
   */
  readonly secretsKey: Buffer | null;
  /** XDG_RUNTIME_DIR, the directory for sockets; null: /tmp. */
  readonly runtimeDirectory: string | null;
  /** PATH, LANG and TZ, where they are set: all that child processes get of the environment. */
  readonly childEnvironment: Readonly<Record<string, string>>;
}

export interface ConfigProblem {
  /** Name of the environment variable. */
  readonly variable: string;
  readonly message: string;
}

/** The configuration is not valid. The process exits with 78 (EX_CONFIG of sysexits.h). */
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

const schema = z.object({
  HOST: host,
  PORT: whole('a TCP port (0: a free port)', 0, 65_535, 4000),
  ALLOWED_ORIGINS: origins.optional(),
  AUTH: authKinds,
  ADMIN_TOKEN: adminToken.optional(),
  JWT_JWKS_URL: jwksUrl.optional(),
  JWT_PUBLIC_KEY: publicKey.optional(),
  JWT_SECRET: jwtSecret.optional(),
  JWT_ISSUER: jwtText.optional(),
  JWT_AUDIENCE: jwtText.optional(),
  JWT_TENANT_CLAIM: jwtText.default('tenant'),
  JWT_SCOPES_CLAIM: jwtText.default('scope'),
  ALLOW_NO_AUTH: z
    .string()
    .refine((text) => text === '1' || text === '0', 'must be 1 or unset')
    .optional(),
  INTROSPECTION: onOff,
  GRAPHIQL: onOff,
  VIEWER: onOff,
  PERSISTED_DOCUMENTS: persistedDocuments.optional(),
  REDIS_URL: redisUrl.optional(),
  DATA_DIR: z
    .string()
    .transform((path) => resolve(path))
    .default(resolve('data')),
  ROLE: role,
  LAUNCHER: launcher,
  CONTAINER_SOCKET: containerSocket.optional(),
  DOCKER_HOST: z.string().optional(),
  EXECUTOR_IMAGE: imageName.optional(),
  EXECUTOR_REDIS_URL: redisUrl.optional(),
  EXECUTOR_NETWORK: networkName,
  ALLOWED_IMAGES: imagePatterns.optional(),
  DEFAULT_MEMORY_MB: whole('MiB', LIMITS.memoryMbMin, LIMITS.memoryMbMax, DEFAULT_ALLOTMENT.defaultMemoryMb),
  DEFAULT_CPUS: decimal('CPUs', LIMITS.cpusMin, LIMITS.cpusMax, DEFAULT_ALLOTMENT.defaultCpus),
  MAX_MEMORY_MB: maximum('MiB', LIMITS.memoryMbMin, LIMITS.memoryMbMax),
  MAX_CPUS: maximum('CPUs', LIMITS.cpusMin, LIMITS.cpusMax),
  MAX_TIMEOUT_SECONDS: maximum('seconds', 1, LIMITS.timeoutSeconds),
  MAX_CONCURRENT_RUNS: whole('runs', 1, 10_000, 2 * availableParallelism()),
  MAX_SOCKETS_PER_ADDRESS: whole('WebSockets', 1, 100_000, LIMITS.socketsPerAddress),
  ...limitFields,
  // With more than 256 KiB, one line would not fit into an appended batch (LIMITS.appendBytes).
  MAX_LINE_BYTES: whole('bytes', 16, 262_144, 65_536),
  MAX_LOG_BYTES: whole('bytes', 1024, 2 ** 40, 268_435_456),
  RETENTION_HOURS: decimal('hours', 0.0001, 3650 * DAY_HOURS, 168),
  IMAGE_RETENTION_HOURS: decimal('hours; 0: images are never removed', 0, 3650 * DAY_HOURS, 168),
  CANCEL_GRACE_SECONDS: decimal('seconds', 0, 3600, 10),
  LOG_LEVEL: logLevel,
  SECRETS_KEY: secretsKey.optional(),
  XDG_RUNTIME_DIR: z.string().optional(),
});

type Environment = Readonly<Record<string, string | undefined>>;
type Values = z.infer<typeof schema>;

/** The configuration of this environment; an empty value counts as unset. @throws ConfigError with every problem */
export const readConfig = (env: Environment): Config => {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const read = schema.safeParse(given);
  const problems: ConfigProblem[] = (read.error?.issues ?? []).map((issue) => ({
    variable: String(issue.path[0]),
    message: issue.message,
  }));
  problems.push(...authProblems(given));
  const listens = host.safeParse(given.HOST);
  const isOpen = authKinds.safeParse(given.AUTH).data?.length === 0;
  const openToNetwork = isOpen && listens.success && !isLoopback(listens.data);
  // A worker serves nothing but health checks.
  if (openToNetwork && given.ALLOW_NO_AUTH !== '1' && given.ROLE !== 'worker') {
    const what = `${listens.data} is not loopback, and AUTH is none.`;
    const remedy = 'Set AUTH=tokens or AUTH=jwt, or ALLOW_NO_AUTH=1 to serve without authentication';
    problems.push({ variable: 'HOST', message: `${what} ${remedy}` });
  }
  if (!read.success || problems.length > 0) throw new ConfigError(problems);
  return configOf(read.data, openToNetwork, childEnvironment(given));
};

const configOf = (
  values: Values,
  openToNetwork: boolean,
  childEnvironment: Readonly<Record<string, string>>,
): Config => ({
  host: values.HOST,
  port: values.PORT,
  allowedOrigins: values.ALLOWED_ORIGINS ?? null,
  introspection: values.INTROSPECTION,
  graphiql: values.GRAPHIQL,
  viewer: values.VIEWER,
  persistedDocuments: values.PERSISTED_DOCUMENTS ?? null,
  auth: authOf(values),
  openToNetwork,
  redisUrl: values.REDIS_URL ?? null,
  dataDirectory: values.DATA_DIR,
  role: values.ROLE,
  launcher: values.LAUNCHER,
  containerSocket: values.CONTAINER_SOCKET ?? null,
  dockerHost: values.DOCKER_HOST ?? null,
  executorImage: values.EXECUTOR_IMAGE ?? null,
  executorRedisUrl: values.EXECUTOR_REDIS_URL ?? null,
  executorNetwork: values.EXECUTOR_NETWORK,
  allotment: allotmentOf(values),
  maxConcurrentRuns: values.MAX_CONCURRENT_RUNS,
  maxSocketsPerAddress: values.MAX_SOCKETS_PER_ADDRESS,
  limits: limitSettings(values, openToNetwork || authOf(values) !== null),
  maxLineBytes: values.MAX_LINE_BYTES,
  maxLogBytes: values.MAX_LOG_BYTES,
  retentionMs: Math.round(values.RETENTION_HOURS * HOUR_MS),
  imageRetentionMs: values.IMAGE_RETENTION_HOURS === 0 ? null : Math.ceil(values.IMAGE_RETENTION_HOURS * HOUR_MS),
  cancelGraceMs: Math.round(values.CANCEL_GRACE_SECONDS * 1000),
  logLevel: values.LOG_LEVEL,
  secretsKey: values.SECRETS_KEY ?? null,
  runtimeDirectory: values.XDG_RUNTIME_DIR ?? null,
  childEnvironment,
});

const allotmentOf = (values: Values): Allotment => ({
  allowedImages: values.ALLOWED_IMAGES ?? null,
  defaultMemoryMb: values.DEFAULT_MEMORY_MB,
  defaultCpus: values.DEFAULT_CPUS,
  maxMemoryMb: values.MAX_MEMORY_MB === undefined ? null : Math.floor(values.MAX_MEMORY_MB),
  maxCpus: values.MAX_CPUS ?? null,
  maxTimeoutSeconds: values.MAX_TIMEOUT_SECONDS === undefined ? null : Math.floor(values.MAX_TIMEOUT_SECONDS),
});

const childEnvironment = (given: Environment): Record<string, string> => {
  const kept: Record<string, string> = {};
  for (const name of ['PATH', 'LANG', 'TZ']) {
    const value = given[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
};
