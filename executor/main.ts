/** The executor: runs one attempt of one run. Exit codes: EXECUTOR_EXIT in src/wire/executorOrders.ts. */
import { LIMITS } from '../src/domain/limits.ts';
import { safeError, safeErrorText } from '../src/domain/text/safeError.ts';
import { PROC } from '../src/system/processes.ts';
import {
  EXECUTOR_EXIT,
  type ExecutorMode,
  GUARD_AWAY_MS,
  parseBeat,
  parseGuardAway,
  parseMode,
  parseRedisAway,
} from '../src/wire/executorOrders.ts';
import { Attempt } from './attempt.ts';
import { writeResolverFiles } from './command/runtime.ts';
import { setUpCommand } from './command/setup.ts';
import { REDIS_AWAY_MS, watchForAbandonment } from './end/abandoned.ts';
import { type Connections, connect } from './redis/connections.ts';
import { startHeartbeat } from './redis/heartbeat.ts';
import { claimAttempt } from './start/claim.ts';
import { BadOrders, type Orders, parseOrders, readVariables, type Variables } from './start/environment.ts';
import { LogLost } from './write/logLost.ts';

/** The launcher keeps standard error for operators. It never gets output of the command or an address. */
const print = (line: string): void => {
  process.stderr.write(`executor: ${line}\n`);
};

interface Launch {
  readonly mode: ExecutorMode;
  readonly variables: Variables;
  readonly orders: Orders;
  /** How long a Redis that is away is waited for after the final batch. */
  readonly guardAwayMs: number;
  readonly beatMs: number;
}

/** @throws BadOrders */
const readLaunch = (args: readonly string[]): Launch => {
  const mode = parseMode(args);
  if (mode === null) throw new BadOrders('the mode is missing; add --container or --workspace=<directory>');
  const variables = readVariables(mode);
  const guardAwayMs = parseGuardAway(args) ?? GUARD_AWAY_MS;
  const beatMs = parseBeat(args) ?? LIMITS.executorBeatSeconds * 1000;
  return { mode, variables, orders: parseOrders(variables), guardAwayMs, beatMs };
};

/** Ends the attempt when the process has to end. */
class Lifetime {
  readonly #beforeAttempt = new AbortController();
  #attempt: Attempt | null = null;

  /** Aborts when a signal to end comes before the attempt runs. */
  get ended(): AbortSignal {
    return this.#beforeAttempt.signal;
  }
  get endedBeforeAttempt(): boolean {
    return this.ended.aborted && this.#attempt === null;
  }

  /** Call it once. @throws LogLost */
  async run(attempt: Attempt): Promise<void> {
    this.#attempt = attempt;
    // The signal can have come after the claim, while the command's surroundings were prepared.
    if (this.ended.aborted) attempt.stop();
    await attempt.run();
  }

  onSignal(): void {
    if (this.#attempt === null) this.#beforeAttempt.abort();
    else this.#attempt.stop();
  }

  onFailure(): void {
    this.#attempt?.kill();
  }

  onAbandoned(): void {
    this.#attempt?.killAll();
  }
}

const installHandlers = (lifetime: Lifetime): void => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => lifetime.onSignal());
  process.on('uncaughtException', (error) => {
    lifetime.onFailure();
    print(safeErrorText(error));
    process.exit(EXECUTOR_EXIT.internalError);
  });
};

/** Claims the log while the command's surroundings are prepared, and then runs the attempt. */
const runAttempt = async (launch: Launch, connections: Connections, lifetime: Lifetime): Promise<number> => {
  const { mode, orders, variables, beatMs } = launch;
  let stopHeartbeat = (): void => undefined;
  const setup = setUpCommand(mode, orders, variables, (problem, error) => {
    print(`${problem} ${safeError(error).message}`);
  });
  try {
    const claim = await claimAttempt(connections.commands, orders, lifetime.ended);
    if (claim === null) return EXECUTOR_EXIT.notWanted;
    stopHeartbeat = startHeartbeat(connections.commands, claim.run, beatMs);
    await lifetime.run(new Attempt(connections, claim, await setup, launch.guardAwayMs));
    return EXECUTOR_EXIT.stored;
  } catch (error) {
    if (lifetime.endedBeforeAttempt) return EXECUTOR_EXIT.notWanted;
    lifetime.onFailure();
    if (!(error instanceof LogLost)) throw error;
    print(error.message);
    return EXECUTOR_EXIT.logLost;
  } finally {
    stopHeartbeat();
  }
};

const main = async (args: readonly string[]): Promise<number> => {
  process.stderr.on('error', () => undefined);
  // In a container the working directory has no path (PROC), and nothing may depend on it.
  if (PROC !== '/proc') process.cwd = () => '/';
  const launch = readLaunch(args);
  const lifetime = new Lifetime();
  installHandlers(lifetime);
  writeResolverFiles(launch.mode, launch.orders);
  const connections = connect(launch.orders.redisUrl, launch.orders.runId);
  watchForAbandonment(connections, launch.mode, parseRedisAway(args) ?? REDIS_AWAY_MS, (reason) => {
    lifetime.onAbandoned();
    print(reason);
    process.exit(EXECUTOR_EXIT.abandoned);
  });
  try {
    return await runAttempt(launch, connections, lifetime);
  } finally {
    connections.close();
  }
};

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    print(safeErrorText(error));
    process.exit(error instanceof BadOrders ? EXECUTOR_EXIT.badOrders : EXECUTOR_EXIT.internalError);
  },
);
