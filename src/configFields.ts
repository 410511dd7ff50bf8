/** Shapes of environment variables: how the text of one is checked and read. config.ts has the variables themselves. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parseRedisUrl } from './wire/redisUrl.ts';

export const whole = (name: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .default(fallback);

/** A limit; unset: there is none. */
export const maximum = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .optional();

export const decimal = (name: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+(\.\d+)?$/, `must be a number, ${name}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}, ${name}`)
    .default(fallback);

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
export const host = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
  .refine((text) => isIP(text) !== 0 || HOST_NAME.test(text), 'must be an IP address or a host name, without a port')
  .default('127.0.0.1');

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:*,[\]]+)(:\d{1,5})?\/?$/i;

/** What is wrong with the origin, and what to write instead; null where it is valid. */
const originProblem = (origin: string): string | null => {
  const shown = JSON.stringify(origin);
  if (origin === '') return 'has an empty entry: write one comma between two origins';
  if (origin.includes('*')) return `${shown} has a wildcard: name each origin, such as https://app.example.org`;
  if (origin === 'null') return '"null" cannot be allowed: every local file and sandboxed frame has this origin';
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(origin))
    return `${shown} has no scheme: write http://${origin} or https://${origin}`;
  if (ORIGIN.test(origin) && URL.canParse(origin)) return null;
  return `${shown} is not an origin. Write scheme://host[:port], without user, path, query and fragment`;
};

export const origins = z.string().transform((text, context): readonly string[] => {
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

export const redisUrl = z.string().superRefine((text, context) => {
  try {
    parseRedisUrl(text);
  } catch (error) {
    context.addIssue({
      code: 'custom',
      message: error instanceof Error ? error.message : 'must be an address of Redis, such as redis://localhost:6379',
    });
  }
});

export type Role = 'all' | 'api' | 'worker';
export const role = z.enum(['all', 'api', 'worker'], { error: 'must be all, api or worker' }).default('all');

export const launcher = z
  .string()
  .transform((text, context): 'auto' | 'container' | 'process' => {
    if (text === 'auto' || text === 'container' || text === 'process') return text;
    const known = 'auto, container or process';
    const message = text === 'kubernetes' ? `kubernetes is not supported yet; use ${known}` : `must be ${known}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .default('auto');

export const containerSocket = z
  .string()
  .transform((text) => text.replace(/^unix:\/\//, ''))
  .refine(isAbsolute, 'must be the absolute path of a unix socket');

export const secretsKey = z.string().transform((text, context): Buffer => {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  const base64 = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) || /^[0-9a-f]{64}$/i.test(text);
  if (base64 && bytes.length === 32) return bytes;
  context.addIssue({
    code: 'custom',
    message: 'must be 32 bytes, in base64 or as 64 hexadecimal digits (openssl rand -base64 32 makes one)',
  });
  return z.NEVER;
});

export const onOff = z
  .string()
  .refine((text) => text === 'on' || text === 'off', 'must be on or off')
  .transform((text) => text === 'on')
  .default(true);

/** The file: a JSON object of texts, such as persisted-documents.json of graphql-codegen. */
const documents = z.record(z.string(), z.string());
export const persistedDocuments = z.string().transform((path, context): ReadonlyMap<string, string> => {
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
export const imagePatterns = z
  .string()
  .transform((text) => text.split(',').map((pattern) => pattern.trim()))
  .refine(
    (patterns) => patterns.every((pattern) => IMAGE_PATTERN.test(pattern)),
    'must be names of images separated by commas; * stands for any characters, such as registry.example/team/*',
  );

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
export const logLevel = z
  .string()
  .refine((text) => LEVELS.includes(text), `must be one of ${LEVELS.join(', ')}`)
  .default('info');

export const imageName = z.string().regex(/^[a-z0-9][\w.\-/:@]{0,511}$/i, 'must be an image name');

export const networkName = z
  .string()
  .regex(/^[a-zA-Z0-9][\w.-]{0,254}$/, 'must be none, bridge or the name of a network')
  .default('bridge');
