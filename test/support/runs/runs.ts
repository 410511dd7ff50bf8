/** The parts of runs on the test's own Redis, wired as in main.ts. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Logger, pino } from 'pino';
import { LOCAL_ADMIN } from '../../../src/domain/caller.ts';
import type { RunEvent } from '../../../src/domain/events.ts';
import type { RunId } from '../../../src/domain/ids.ts';
import { DEFAULT_ALLOTMENT } from '../../../src/domain/policy/allotment.ts';
import { isTerminal, RUN_DETAILS, type RunDetails, type RunSpec, type RunSummary } from '../../../src/domain/run.ts';
import { ProcessLauncher } from '../../../src/launchers/process/launcher.ts';
import { NO_METRICS } from '../../../src/metrics/metrics.ts';
import { connectRedis, redisOptions } from '../../../src/redis/connection.ts';
import { sharedAccess } from '../../../src/redis/executors/executorAccess.ts';
import { createAnnouncements } from '../../../src/redis/pubsub.ts';
import { type CommandsContext, runCommands } from '../../../src/runs/api/runCommands.ts';
import { createRuns, type RunService } from '../../../src/runs/createRuns.ts';
import { guardAgainstLoss, NO_LOSS } from '../../../src/runs/lossyRedis/lossGuard.ts';
import type { Runs, RunsFor } from '../../../src/runs/records/runs.ts';
import { AttemptQueue } from '../../../src/runs/supervision/queue.ts';
import { decodeBatch } from '../../../src/wire/codec.ts';
import { fixedKey, indexKey, leaseKey, logKey, recordKey } from '../../../src/wire/keys.ts';
import { Script } from '../../../src/wire/scripts/script.ts';
import { DELETE } from '../../../src/wire/scripts/writeScripts.ts';
import type { TestRedis } from '../redis/redis.ts';

export const quiet = pino({ level: process.env.TEST_LOG ?? 'silent' });

export const specOf = (more: Partial<RunSpec> = {}): RunSpec => ({
  name: null,
  image: null,
  command: ['true'],
  input: undefined,
  env: [],
  labels: [],
  timeoutSeconds: null,
  resources: { cpus: null, memoryMb: null },
  maxAttempts: 1,
  backoffSeconds: 1,
  ...more,
});

export interface Api extends AsyncDisposable {
  readonly runsFor: RunsFor;
  /** As the local admin has them. */
  readonly runs: Runs;
  readonly redis: Redis;
  readonly context: CommandsContext;
}

/** Only the half of the API: commands and reads, without starting or supervising runs. */
export const openApi = async (
  server: TestRedis,
  masterKey: Buffer = randomBytes(32),
  log: Logger = quiet,
): Promise<Api> => {
  const redis = await server.connect();
  const connect = (): Redis => new Redis(redisOptions(server.url, 'queue', 'test'));
  const queue = new AttemptQueue({ connect, concurrency: 1, log: quiet });
  const defaults = {
    defaultImage: 'process',
    allotment: DEFAULT_ALLOTMENT,
    enforces: { memory: true, cpus: true },
    maxLineBytes: 65_536,
    maxLogBytes: 1_000_000,
    cancelGraceMs: 1000,
    retentionMs: 3_600_000,
  };
  const launcher = { needsPull: () => Promise.resolve(true) };
  const context: CommandsContext = { redis, queue, launcher, masterKey, defaults, losses: NO_LOSS, log };
  const runsFor = runCommands(context);
  return {
    runsFor,
    runs: runsFor(LOCAL_ADMIN),
    redis,
    context,
    async [Symbol.asyncDispose]() {
      await queue.close();
      redis.disconnect();
    },
  };
};

/** All stored events of a run, in seq order. */
export const storedEvents = async (redis: Redis, id: RunId): Promise<RunEvent[]> => {
  const entries = await redis.xrangeBuffer(logKey(id), '-', '+');
  return entries.flatMap(([, fields]) => decodeBatch(fields[1] as Buffer));
};

/** Removes a run as the service does, whatever its state was. */
export const removeRun = async (redis: Redis, id: RunId): Promise<void> => {
  await redis.hset(recordKey(id), 'closed', '1', 'status', 'COMPLETED');
  const keys = [recordKey, logKey, leaseKey, indexKey, fixedKey].map((key) => key(id));
  if ((await new Script(DELETE).run(redis, keys, [])) !== 1) throw new Error(`run ${id} was not removed`);
};

/** Waits until `enough` accepts the result of `read`. @throws Error with the last result after `withinMs` */
export const until = async <T>(
  read: () => Promise<T>,
  enough: (value: T) => boolean,
  withinMs = 15_000,
): Promise<T> => {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (enough(value)) return value;
    if (performance.now() > deadline)
      throw new Error(`the condition did not hold within ${withinMs} ms; last value: ${JSON.stringify(value)}`);
    await delay(20);
  }
};

/** The run with all details. */
export const wholeRun = async (runs: Runs, run: RunSummary): Promise<RunSummary & RunDetails> => {
  const wanted = [{ id: run.id, names: RUN_DETAILS }];
  const [details] = await runs.details(wanted, await runs.detailBytes(wanted), AbortSignal.timeout(5000));
  if (!details) throw new Error(`run ${run.id} does not exist`);
  return { ...run, ...(details as RunDetails) };
};

export const untilFinished = async (runs: Runs, id: RunId, withinMs?: number): Promise<RunSummary & RunDetails> => {
  const run = await until(
    () => runs.get(id),
    (record) => record === null || isTerminal(record.status),
    withinMs,
  );
  if (run === null) throw new Error(`run ${id} does not exist`);
  return await wholeRun(runs, run);
};

export interface ServiceOptions {
  readonly server: TestRedis;
  readonly masterKey: Buffer;
  /** State of the process launcher, shared by the services of one test. */
  readonly directory: string;
  /** A program instead of the executor, which fails in a certain way. */
  readonly executor?: string;
  readonly maxConcurrentRuns?: number;
  readonly mayLoseTails?: boolean;
  readonly silenceMs?: number;
}

export interface TestService extends AsyncDisposable {
  readonly service: RunService;
  readonly runs: Runs;
  readonly launcher: ProcessLauncher;
  readonly redis: Redis;
  /** Ends the service as kill -9 would: nothing is released, and nothing is renewed. */
  vanish(): void;
}

/** A started service of runs with local processes. */
export const openService = async (options: ServiceOptions): Promise<TestService> => {
  const { server, directory, executor, masterKey } = options;
  const { PATH = '' } = process.env;
  const launcher = new ProcessLauncher({
    stateDirectory: directory,
    environment: { PATH },
    ...(executor === undefined ? {} : { executor }),
  });
  await launcher.prepare(() => undefined, AbortSignal.timeout(5000));
  const redis = await server.connect();
  const queueConnections: Redis[] = [];
  const { connection, announcements } = await openAnnouncements(server);
  const losses = options.mayLoseTails === true ? guardAgainstLoss(redis, quiet) : NO_LOSS;
  const service = createRuns({
    allotment: DEFAULT_ALLOTMENT,
    redis,
    connectQueue: () => {
      const one = new Redis(redisOptions(server.url, 'queue', 'test'));
      queueConnections.push(one);
      return one;
    },
    announcements,
    launcher,
    masterKey,
    access: sharedAccess(server.url),
    maxConcurrentRuns: options.maxConcurrentRuns ?? 2,
    retentionMs: 3_600_000,
    cancelGraceMs: 1000,
    maxLineBytes: 65_536,
    maxLogBytes: 10_000_000,
    losses,
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    metrics: NO_METRICS,
    log: quiet,
  });
  service.start();
  const cut = (): void => {
    for (const one of [redis, connection.redis, ...queueConnections]) one.disconnect();
  };
  return {
    service,
    runs: service.runsFor(LOCAL_ADMIN),
    launcher,
    redis,
    vanish: cut,
    async [Symbol.asyncDispose]() {
      await service.stop();
      losses.close();
      cut();
      await launcher.close();
    },
  };
};

/** Announcements on a separate connection. */
export const openAnnouncements = async (server: TestRedis) => {
  const connection = connectRedis(server.url, 'subscriber', 'test', quiet);
  await connection.whenReady(AbortSignal.timeout(5000));
  return { connection, announcements: createAnnouncements(connection, quiet) };
};
