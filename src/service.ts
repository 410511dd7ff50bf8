/**
 * The service: puts the parts together in the order in which they need each other. Each part is made by one function,
 * which also registers how the part ends; the parts end in the opposite order.
 */
import { randomUUID } from 'node:crypto';
import { withDeadline } from './async/deadline.ts';
import { chooseLauncher, type LauncherChoice, type LauncherParts } from './chooseLauncher.ts';
import type { Config } from './config.ts';
import { manifestProblems } from './graphql/server/persistedDocuments.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import type { Launcher } from './launchers/launcher.ts';
import { ClientLimits } from './limits/clientLimits.ts';
import { RedisLogHub } from './log/hub.ts';
import { RedisLogReader } from './log/reader.ts';
import type { LogReader } from './log/viewer.ts';
import { NO_METRICS } from './metrics/metrics.ts';
import { assertPortFree, portFailure } from './port.ts';
import { connectRedis } from './redis/connection.ts';
import type { ExecutorAccess } from './redis/executors/executorAccess.ts';
import { createAnnouncements } from './redis/pubsub.ts';
import { redisReadiness } from './redis/readiness.ts';
import { createRuns, type RunService } from './runs/createRuns.ts';
import type { LossGuard } from './runs/lossyRedis/lossGuard.ts';
import { installationId } from './runs/records/installation.ts';
import { showWorker } from './runs/workers/workers.ts';
import { Searches } from './search/searches.ts';
import { type Identity, openIdentity } from './serviceIdentity.ts';
import type { ServiceOptions, Start } from './serviceStart.ts';
import {
  type Connections,
  connect,
  openAccess,
  openExecutorRedis,
  openLossGuard,
  openMasterKey,
  openServer,
  type RedisServer,
} from './serviceStore.ts';
import { EXIT, StartFailure } from './startFailure.ts';
import { openSite, type Site } from './viewer/site.ts';
import type { Announcements } from './wire/announcements.ts';

export interface Service {
  readonly port: number;
  /**
   * Stops accepting, closes WebSockets with 1001, ends the supervision of runs (which go on and are found again), and
   * stops the private Redis unless runs are alive. Safe to repeat.
   */
  close(): Promise<void>;
}

/** How long the stop waits for the number of living runs, milliseconds. */
const COUNT_MS = 1500;

/** Resolves when it serves. A start that fails ends what it began. @throws StartFailure, or the signal's reason */
export const startService = async (options: ServiceOptions, signal: AbortSignal): Promise<Service> => {
  await using begun = new AsyncDisposableStack();
  const instance = randomUUID().slice(0, 8);
  const port = await begin({ ...options, instance, parts: begun, signal, metrics: NO_METRICS });
  const parts = begun.move();
  return { port, close: () => parts.disposeAsync() };
};

const begin = async (start: Start): Promise<number> => {
  const { config } = start;
  assertDocumentsFit(config);
  await assertPortFree(config);
  const viewer = openViewer(start);
  const choice = await chooseLauncher(config);
  const server = await openServer(start);
  const connections = await connect(start, server);
  const masterKey = await openMasterKey(start, connections);
  const address = await openExecutorRedis(start, server, choice.traits);
  const installation = await installationId(connections.commands.redis);
  const access = await openAccess(start, server, { address, connections, masterKey, installation });
  const launcher = await openLauncher(start, choice, {
    installationId: installation,
    redis: address,
    logger: start.logger,
    commands: connections.commands.redis,
  });
  const losses = await openLossGuard(start, server, connections);
  const log = openLog(start, connections, losses);
  const { announcements } = log;
  const identity = await openIdentity(start, { connections, announcements, masterKey, installation });
  const runs = openRuns(start, server, {
    ...log,
    connections,
    masterKey,
    access,
    launcher,
    losses,
  });
  const limits = openLimits(start, connections);
  const http = openHttp(start, { ...log, connections, launcher, runs, identity, viewer, limits });
  start.signal.throwIfAborted();
  const { port } = await http.listen().catch((error: unknown) => {
    throw portFailure(error, config);
  });
  if (start.config.role !== 'api') startWork(start, { connections, launcher, runs });
  return port;
};

/** Begins to start runs, and shows that to processes that only serve. */
const startWork = (
  { logger, instance, parts }: Start,
  { connections, launcher, runs }: Pick<HttpNeeds, 'connections' | 'launcher' | 'runs'>,
): void => {
  runs.start();
  const sign = showWorker({ redis: connections.commands.redis, log: logger }, instance, launcher);
  parts.defer(() => withDeadline(() => sign.close(), { ms: COUNT_MS }).catch(() => undefined));
};

/** @throws StartFailure if a document of PERSISTED_DOCUMENTS does not fit the schema */
const assertDocumentsFit = ({ persistedDocuments }: Config): void => {
  const [problem] = persistedDocuments === null ? [] : manifestProblems(persistedDocuments);
  if (problem === undefined) return;
  const message = `PERSISTED_DOCUMENTS has a document that does not fit the schema. ${problem}`;
  throw new StartFailure(message, EXIT.config);
};

/** Makes and prepares the launcher. @throws StartFailure where it cannot start runs */
const openLauncher = async (
  { say, signal, parts: begun }: Start,
  choice: LauncherChoice,
  parts: LauncherParts,
): Promise<Launcher> => {
  const { traits, why, remedy } = choice;
  const launcher = choice.create(parts);
  begun.defer(() => launcher.close());
  say(`Launcher: ${traits.kind}; ${why}`);
  try {
    await launcher.prepare(say, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `The ${traits.kind} launcher cannot start runs: ${reason} ${remedy}`.trimEnd();
    throw new StartFailure(message, EXIT.unavailable, error);
  }
  return launcher;
};

interface LogParts {
  readonly announcements: Announcements;
  readonly reader: LogReader;
  readonly hub: RedisLogHub;
  readonly searches: Searches;
}

const openLog = ({ logger, parts, metrics }: Start, connections: Connections, losses: LossGuard): LogParts => {
  const announcements = createAnnouncements(connections.subscriber, logger);
  const reader = new RedisLogReader(connections.reading.redis);
  const onAhead = losses.publishHead;
  const hub = parts.use(new RedisLogHub({ reader, announcements, logger, onAhead }));
  metrics.gauge('followedLogs', () => hub.feeds);
  const searches = parts.use(new Searches(logger));
  return { announcements, reader, hub, searches };
};

interface RunsNeeds extends LogParts {
  readonly connections: Connections;
  readonly masterKey: Buffer;
  readonly access: ExecutorAccess;
  readonly launcher: Launcher;
  readonly losses: LossGuard;
}

/** Makes the runs, not started yet. At their stop the server learns whether runs are alive. */
const openRuns = (start: Start, server: RedisServer, needs: RunsNeeds): RunService => {
  const { config, logger, instance, parts, metrics } = start;
  const { connections, hub, ...rest } = needs;
  const runs = createRuns({
    ...rest,
    allotment: config.allotment,
    maxConcurrentRuns: config.maxConcurrentRuns,
    queuedRuns: config.limits.queuedRuns,
    retentionMs: config.retentionMs,
    cancelGraceMs: config.cancelGraceMs,
    maxLineBytes: config.maxLineBytes,
    maxLogBytes: config.maxLogBytes,
    redis: connections.commands.redis,
    // The queue closes it.
    connectQueue: () => connectRedis(server.url, 'queue', instance, logger).redis,
    followedTo: (runId) => hub.headOf(runId),
    metrics,
    log: logger,
  });
  parts.defer(async () => {
    await runs.stop();
    server.runsAlive = await withDeadline(() => runs.aliveRuns(), { ms: COUNT_MS }).then(
      (count) => count > 0,
      () => true,
    );
  });
  return runs;
};

/** Begins to build the viewer where there is no build yet; the stop ends that. */
const openViewer = ({ config, say, parts }: Start): Site | null => {
  if (!config.viewer || config.role === 'worker') return null;
  const stopping = new AbortController();
  parts.defer(() => stopping.abort());
  return openSite({ say, env: config.childEnvironment, signal: stopping.signal });
};

/** At the stop it returns what this process holds of callers' shares. */
const openLimits = ({ config, instance, parts }: Start, { commands }: Connections): ClientLimits =>
  parts.use(new ClientLimits({ redis: commands.redis, settings: config.limits, instance }));

interface HttpNeeds extends LogParts {
  readonly limits: ClientLimits;
  readonly connections: Connections;
  readonly launcher: Launcher;
  readonly runs: RunService;
  readonly identity: Identity;
  readonly viewer: Site | null;
}

/** Makes the HTTP server, which does not listen yet. */
const openHttp = ({ config, logger, instance, parts }: Start, needs: HttpNeeds): HttpServer => {
  const { connections, launcher, runs, hub, reader, searches, identity, viewer, limits } = needs;
  const redisReady = redisReadiness({
    commands: connections.commands,
    others: [connections.reading, connections.subscriber],
    isBusy: () => connections.busyWatch.isBusy,
    instance,
    onTrouble: (err) => logger.warn({ err }, 'readiness check failed: Redis refused a write'),
  });
  const http = createHttpServer({
    host: config.host,
    port: config.port,
    allowedOrigins: config.allowedOrigins,
    maxSocketsPerAddress: config.maxSocketsPerAddress,
    introspection: config.introspection,
    graphiql: config.graphiql,
    viewer,
    manifest: config.persistedDocuments,
    admission: identity,
    logLinks: identity.logLinks,
    runsFor: runs.runsFor,
    tokensFor: identity.tokensFor,
    updates: runs.updates,
    hub,
    reader,
    searches,
    limits,
    logger,
    servesApi: config.role !== 'worker',
    ready: async () => (await redisReady()) ?? (await launcher.unready()),
    warning: () => launcher.warning?.() ?? null,
  });
  parts.defer(() => http.close());
  return http;
};
