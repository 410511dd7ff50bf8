/** Puts the parts together: Redis, launcher, runs, HTTP. Everything that is begun here is ended by `close`. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { abortable } from './async/abortable.ts';
import { chooseLauncher, createLauncher } from './chooseLauncher.ts';
import type { Config } from './config.ts';
import type { Seq } from './domain/events.ts';
import type { RunId } from './domain/ids.ts';
import { manifestProblems } from './graphql/server/persistedDocuments.ts';
import { createHttpServer } from './http/server.ts';
import type { Launcher } from './launchers/launcher.ts';
import { RedisLogHub } from './log/hub.ts';
import { RedisLogReader } from './log/reader.ts';
import { hideFromLog } from './logger.ts';
import { assertPortFree, portFailure } from './port.ts';
import { connectRedis, type RedisConnection, type RedisRole } from './redis/connection.ts';
import { mayLoseAcknowledged } from './redis/durability.ts';
import { keepExecutorUser } from './redis/executorUser.ts';
import { masterKeyOf } from './redis/masterKey.ts';
import { createAnnouncements } from './redis/pubsub.ts';
import { redisReadiness } from './redis/readiness.ts';
import { redisForExecutors } from './redis/relay/executorRedis.ts';
import { openRedis } from './redisChoice.ts';
import { createRuns } from './runs/createRuns.ts';
import { installationId } from './runs/records/installation.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { parseRedisUrl } from './wire/redisUrl.ts';

export interface Service {
  readonly port: number;
  /**
   * Stops accepting, closes sockets with 1001, lets go of runs (which go on, to be found again) and stops
   * the private Redis unless runs are alive. Safe to call more than once.
   */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Lines for the person who starts it. */
  readonly say: (line: string) => void;
}

/** How long the stop waits for an answer of Redis. */
const ANSWER_MS = 1500;

/** Resolves when it serves. What was begun is ended again where it fails. @throws StartFailure, or the signal's reason */
export const startService = async (options: ServiceOptions, signal: AbortSignal): Promise<Service> => {
  await using begun = new AsyncDisposableStack();
  const port = await begin(options, begun, signal);
  const parts = begun.move();
  return { port, close: () => parts.disposeAsync() };
};

const begin = async (options: ServiceOptions, begun: AsyncDisposableStack, signal: AbortSignal): Promise<number> => {
  const { config, logger, say } = options;
  const instance = randomUUID().slice(0, 8);
  assertDocumentsFit(config);
  await assertPortFree(config);
  const choice = await chooseLauncher(config);

  const chosen = await openRedis({ config, instance, logger, say }, signal);
  const { url, server } = chosen;
  hideFromLog(parseRedisUrl(url).password);
  // Until they can be counted, a server that was here before is taken to have some.
  let runsAlive = server?.adopted ?? false;
  if (server !== null) {
    begun.defer(async () => {
      const kept = await server.stop({ runsAlive });
      logger.info({ kept }, kept === null ? 'the private Redis is stopped' : 'the private Redis goes on');
    });
  }
  say(`Redis: ${chosen.description}`);

  const connect = (role: RedisRole): RedisConnection => begun.use(connectRedis(url, role, instance, logger));
  const [commands, reading, subscriber] = [connect('commands'), connect('commands'), connect('subscriber')];
  await Promise.all([commands, reading, subscriber].map((connection) => connection.whenReady(signal)));
  const masterKey = await masterKeyOf(commands.redis, config.secretsKey);
  for (const form of ['base64', 'base64url', 'hex'] as const) hideFromLog(masterKey.toString(form));
  const credentials = await keepExecutorUser(commands, masterKey, server !== null, logger);

  hideFromLog(credentials?.password ?? null);

  const executorRedis = begun.use(
    await redisForExecutors({
      serviceUrl: url,
      explicitUrl: config.executorRedisUrl,
      launcher: choice.kind,
      network: config.executorNetwork,
      credentials,
      runtimeDirectory: config.runtimeDirectory,
      environment: config.childEnvironment,
      logger,
    }),
  );
  const installation = await installationId(commands.redis);
  const launcher = createLauncher(choice, { config, installationId: installation, redis: executorRedis });
  begun.defer(() => launcher.close());
  say(`Launcher: ${choice.kind}; ${choice.why}`);
  await prepare(launcher, say, signal);

  const announcements = createAnnouncements(subscriber, logger);
  const reader = new RedisLogReader(reading.redis);
  const onAhead = (runId: RunId, head: Seq): void => runs.ahead(runId, head);
  const hub = begun.use(new RedisLogHub({ reader, announcements, logger, onAhead }));
  const runs = createRuns({
    redis: commands.redis,
    // The queue closes it.
    connectQueue: () => connectRedis(url, 'queue', instance, logger).redis,
    announcements,
    launcher,
    masterKey,
    executorRedisUrl: executorRedis.url,
    allotment: config.allotment,
    maxConcurrentRuns: config.maxConcurrentRuns,
    retentionMs: config.retentionMs,
    cancelGraceMs: config.cancelGraceMs,
    maxLineBytes: config.maxLineBytes,
    maxLogBytes: config.maxLogBytes,
    followedTo: (runId) => hub.headOf(runId),
    mayLoseTails: server === null && (await mayLoseAcknowledged(commands.redis)),
    log: logger,
  });
  begun.defer(async () => {
    await runs.stop();
    runsAlive = await abortable(runs.aliveRuns(), AbortSignal.timeout(ANSWER_MS)).then(
      (count) => count > 0,
      () => true,
    );
  });
  const redisReady = redisReadiness({
    commands,
    others: [reading, subscriber],
    instance,
    onTrouble: (err) => logger.warn({ err }, 'not ready: a write to Redis failed'),
  });
  const http = createHttpServer({
    host: config.host,
    port: config.port,
    allowedOrigins: config.allowedOrigins,
    maxSocketsPerAddress: config.maxSocketsPerAddress,
    introspection: config.introspection,
    graphiql: config.graphiql,
    manifest: config.persistedDocuments,
    runsFor: runs.runsFor,
    updates: runs.updates,
    hub,
    reader,
    logger,
    ready: async () => (await redisReady()) ?? (await launcher.unready()),
  });
  begun.defer(() => http.close());
  signal.throwIfAborted();
  const { port } = await http.listen().catch((error: unknown) => {
    throw portFailure(error, config);
  });
  runs.start();
  return port;
};

/** @throws StartFailure if a document of PERSISTED_DOCUMENTS does not fit the schema */
const assertDocumentsFit = ({ persistedDocuments }: Config): void => {
  const [problem] = persistedDocuments === null ? [] : manifestProblems(persistedDocuments);
  if (problem === undefined) return;
  const message = `PERSISTED_DOCUMENTS has a document that does not fit the schema. ${problem}`;
  throw new StartFailure(message, EXIT.config);
};

const prepare = async (launcher: Launcher, say: (line: string) => void, signal: AbortSignal): Promise<void> => {
  try {
    await launcher.prepare(say, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The ${launcher.kind} launcher cannot start runs: ${reason}`;
    throw new StartFailure(
      launcher.kind === 'process' ? message : `${message} (LAUNCHER=process does without)`,
      EXIT.unavailable,
      error,
    );
  }
};
