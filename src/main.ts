/**
 * The service's process: its start, its lines for a person, its end.
 *
 * Standard output has both: a few plain lines at the start and the stop, for who looks at a terminal, and
 * the log as JSON lines (those begin with `{`). What stops the start goes to standard error, one line each.
 */
import { createRequire } from 'node:module';
import { type Config, ConfigError, readConfig } from './config.ts';
import { redact, safeErrorText } from './domain/text/safeError.ts';
import { createLogger, hideFromLog } from './logger.ts';
import { baseUrl } from './port.ts';
import { startService } from './service.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { parseRedisUrl } from './wire/redisUrl.ts';

/** The stop is done by then, or cut off: supervisors of processes commonly kill after 10 s. */
const STOP_MS = 9000;
/**
 * A Ctrl-C at a terminal reaches node twice, from the terminal and from npm, which hands it on
 * (@npmcli/run-script, lib/signal-manager.js): what comes so soon is the same wish.
 */
const SAME_WISH_MS = 1000;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };

/** The log shows none of what the configuration has to keep. */
const hideSecretsOf = ({ redisUrl, executorRedisUrl, secretsKey }: Config): void => {
  for (const url of [redisUrl, executorRedisUrl]) if (url !== null) hideFromLog(parseRedisUrl(url).password);
  for (const form of ['base64', 'base64url', 'hex'] as const) hideFromLog(secretsKey?.toString(form) ?? null);
};

const run = async (): Promise<number> => {
  const config = readConfig(process.env);
  const logger = createLogger(config.logLevel);
  hideSecretsOf(config);
  // Node.js itself would print all that an error carries, a command of Redis with its arguments too.
  process.on('uncaughtException', (error) => {
    logger.fatal({ err: error }, 'the service ends by a fault of its own');
    process.exit(EXIT.software);
  });
  const stopping = new AbortController();
  let askedAt: number | null = null;
  const ask = (name: NodeJS.Signals): void => {
    if (askedAt !== null && Date.now() - askedAt < SAME_WISH_MS) return;
    if (askedAt !== null) process.exit(name === 'SIGINT' ? 130 : 143);
    askedAt = Date.now();
    say(`Stopping (${name}); once more ends it at once`);
    stopping.abort(new Error(name));
    setTimeout(() => {
      logger.warn('the stop took too long and was cut off');
      process.exit(0);
    }, STOP_MS).unref();
  };
  process.on('SIGINT', ask);
  process.on('SIGTERM', ask);

  say(`runloom ${version}`);
  if (config.openToNetwork) {
    say(
      `WARNING: HOST ${config.host} is not loopback and there is no authentication: whoever reaches it can run commands here`,
    );
  }
  try {
    const service = await startService({ config, logger, say }, stopping.signal);
    const address = { host: config.host, port: service.port };
    const endpoint = `${baseUrl('http', address)}/graphql`;
    // One write, so that who waits for a line has them all.
    const graphiql = config.graphiql ? `\nGraphiQL: ${endpoint}` : '';
    say(`Endpoint: ${endpoint} (HTTP, SSE) and ${baseUrl('ws', address)}/graphql (WebSocket)${graphiql}`);
    logger.info({ host: config.host, port: service.port }, 'serving');
    if (!stopping.signal.aborted) {
      await new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    await service.close();
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  }
  say('Stopped');
  return 0;
};

try {
  // What others left running in this process (a timer, a socket) must not hold the end.
  process.exit(await run());
} catch (error) {
  if (error instanceof ConfigError) {
    complain('The configuration cannot be used:');
    for (const { variable, message } of error.problems) complain(`  ${variable}: ${message}`);
    process.exit(EXIT.config);
  }
  if (error instanceof StartFailure) {
    complain(redact(error.message));
    process.exit(error.exitCode);
  }
  complain(`The service could not go on: ${safeErrorText(error)}`);
  process.exit(EXIT.software);
}
