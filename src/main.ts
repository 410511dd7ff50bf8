/**
 * The process of the service: start, lines for a person, stop. Standard output has a few plain lines at the start and
 * the stop, and the log as JSON lines, which begin with `{`. Errors that prevent the start go to standard error.
 */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { type Config, ConfigError, readConfig } from './config.ts';
import { redact, safeErrorText } from './domain/text/safeError.ts';
import { createLogger, hideFromLog } from './logger.ts';
import { baseUrl } from './port.ts';
import { startService } from './service.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { forbidCoreDumps } from './system/coreDumps.ts';
import { parseRedisUrl } from './wire/redisUrl.ts';

/** The longest stop; after it the process exits. Process managers commonly kill after 10 s. */
const STOP_MS = 9000;
/**
 * Signals within this time count as one. A Ctrl-C reaches node twice: from the terminal, and from npm, which forwards it
 * (@npmcli/run-script, lib/signal-manager.js).
 */
const SAME_REQUEST_MS = 1000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };

const ROLES: Readonly<Record<Config['role'], string>> = {
  all: 'all; serves, and starts runs',
  api: 'api; serves, and starts no runs',
  worker: 'worker; starts runs, and serves health checks only',
};

/** Keeps the configuration's secrets out of the log. */
const hideSecretsOf = ({ redisUrl, executorRedisUrl, secretsKey, auth }: Config): void => {
  for (const url of [redisUrl, executorRedisUrl]) if (url !== null) hideFromLog(parseRedisUrl(url).password);
  for (const form of ['base64', 'base64url', 'hex'] as const) hideFromLog(secretsKey?.toString(form) ?? null);
  hideFromLog(auth?.tokens?.adminToken ?? null);
  const key = auth?.provider?.key;
  if (key?.kind === 'secret') hideFromLog(Buffer.from(key.bytes).toString());
};

/** Aborts at the first SIGINT or SIGTERM. A second one ends the process at once, as does a stop that takes too long. */
const stopSignal = (logger: Logger): AbortSignal => {
  const stopping = new AbortController();
  let askedAt: number | null = null;
  const ask = (name: NodeJS.Signals): void => {
    if (askedAt !== null && Date.now() - askedAt < SAME_REQUEST_MS) return;
    if (askedAt !== null) process.exit(name === 'SIGINT' ? 130 : 143);
    askedAt = Date.now();
    say(`Stopping (${name}). A second signal ends the service at once.`);
    stopping.abort(new Error(name));
    setTimeout(() => {
      logger.warn({ stopMs: STOP_MS }, 'the stop took too long; the process exited');
      process.exit(0);
    }, STOP_MS).unref();
  };
  process.on('SIGINT', ask);
  process.on('SIGTERM', ask);
  return stopping.signal;
};

const sayAddresses = (config: Config, port: number): void => {
  const address = { host: config.host, port };
  if (config.role === 'worker') {
    say(`Health: ${baseUrl('http', address)}/health/ready`);
    return;
  }
  const endpoint = `${baseUrl('http', address)}/graphql`;
  const viewer = config.viewer ? `Viewer: ${baseUrl('http', address)}\n` : '';
  const graphiql = config.graphiql ? `\nGraphiQL: ${endpoint}` : '';
  // One write: a program that waits for one of the lines gets all of them.
  say(`${viewer}Endpoint: ${endpoint} (HTTP, SSE) and ${baseUrl('ws', address)}/graphql (WebSocket)${graphiql}`);
};

const run = async (): Promise<number> => {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  hideSecretsOf(config);
  if (!forbidCoreDumps()) logger.warn('could not forbid core dumps: install prlimit (util-linux), or set ulimit -c 0');
  // Node.js' own message would print the whole error, such as a command of Redis with its arguments.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'an unexpected error ended the service');
    process.exit(EXIT.software);
  });
  const stopping = stopSignal(logger);
  say(`runloom ${version}`);
  say(`Role: ${ROLES[config.role]}`);
  if (config.openToNetwork && config.role !== 'worker') {
    const who = 'everybody who can reach it can run commands on this machine';
    say(`WARNING: HOST ${config.host} is not loopback, and AUTH is none: ${who}`);
  }
  try {
    const service = await startService({ config, logger, say }, stopping);
    sayAddresses(config, service.port);
    logger.info({ host: config.host, port: service.port }, 'started serving');
    if (!stopping.aborted) {
      await new Promise<void>((resolve) => stopping.addEventListener('abort', () => resolve(), { once: true }));
    }
    await service.close();
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
  say('Stopped');
  return 0;
};

try {
  // Exits even where a timer or a socket is left that would keep the process alive.
  process.exit(await run());
} catch (error) {
  if (error instanceof ConfigError) {
    complain('The configuration is not valid. Correct these environment variables:');
    for (const { variable, message } of error.problems) complain(`  ${variable}: ${message}`);
    process.exit(EXIT.config);
  }
  if (error instanceof StartFailure) {
    complain(redact(error.message));
    process.exit(error.exitCode);
  }
  complain(`An unexpected error ended the service: ${safeErrorText(error)}`);
  process.exit(EXIT.software);
}
