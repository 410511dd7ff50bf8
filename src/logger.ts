/** The service's own log: JSON lines on standard output, by pino. */
import type { Logger } from 'pino';
import { pino } from 'pino';

/** What a URL in an error or a field must not show. */
const REDACTED = ['url', '*.url', 'password', '*.password', 'redisUrl', '*.redisUrl'];

/** @param level one of pino's names, or "silent" */
export const createLogger = (level: string): Logger =>
  pino({ level, base: { pid: process.pid }, redact: { paths: REDACTED, censor: '[redacted]' } });
