/**
 * The executor: carries out one attempt of one run, and is gone with it. Exit codes: 0 the last word is
 * stored, 3 not wanted (nothing was started), 4 the log is not ours any more (the command is dead),
 * 5 nobody is left to work for (the command is dead): no Redis for a day, or the attempt's directory is gone,
 * 70 a fault of the executor's own, 78 started wrongly. All but 0 leave the end to the supervisor.
 */
import { safeError, safeErrorText } from '../src/domain/text/safeError.ts';
import { PROC } from '../src/system/processes.ts';
import { EXECUTOR_EXIT, type ExecutorMode, parseMode, parseRedisAway } from '../src/wire/executorOrders.ts';
import { Attempt, type Stage } from './attempt.ts';
import { openFifos } from './command/fifos.ts';
import { Spawner } from './command/spawner.ts';
import { findPlace, prepareNames } from './command/surroundings.ts';
import { REDIS_AWAY_MS, watchForAbandonment } from './end/abandoned.ts';
import { type Connections, connect } from './redis/connections.ts';
import { sayHello } from './start/claim.ts';
import { UnknownUser } from './start/commandUser.ts';
import { BadOrders, type Orders, parseOrders, readVariables, type Variables } from './start/environment.ts';
import { LogLost } from './write/logWriter.ts';

/** The engine keeps standard error for operators. Never what the command said, nor an address. */
const tell = (line: string): void => {
  process.stderr.write(`executor: ${line}\n`);
};

/** Prepares what needs no Redis, while Redis is being asked. Never rejects: an attempt has to tell why. */
const setStage = async (mode: ExecutorMode, orders: Orders, variables: Variables): Promise<Stage> => {
  const spawner = new Spawner();
  try {
    const place = findPlace(mode, orders);
    const fifos = await openFifos(place);
    return { orders, variables, place, spawner, fifos, trouble: null };
  } catch (error) {
    const trouble = error instanceof UnknownUser ? error.message : "The command's pipes could not be made.";
    tell(`${trouble} ${safeError(error).message}`);
    return { orders, variables, place: null, spawner, fifos: null, trouble };
  }
};

const carryOut = async (
  connections: Connections,
  orders: Orders,
  setting: Promise<Stage>,
  onAttempt: (attempt: Attempt) => void,
  signal: AbortSignal,
): Promise<number> => {
  const hello = await sayHello(connections.commands, orders, signal);
  if (hello === null) return EXECUTOR_EXIT.notWanted;
  const attempt = new Attempt(connections, hello, await setting);
  onAttempt(attempt);
  await attempt.run();
  return EXECUTOR_EXIT.stored;
};

const main = async (): Promise<number> => {
  const mode = parseMode(process.argv.slice(2));
  if (mode === null) throw new BadOrders('started with neither --container nor --workspace=<directory>');
  // There is no path to the working directory (processes.ts), and nothing here may depend on it.
  if (PROC !== '/proc') process.cwd = () => '/';
  const variables = readVariables(mode);
  const orders = parseOrders(variables);
  prepareNames(mode, orders);
  const connections = connect(orders.redisUrl);
  const unstarted = new AbortController();
  let attempt: Attempt | null = null;

  const onSignal = (): void => {
    if (attempt === null) unstarted.abort();
    else attempt.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.on('uncaughtException', (error) => {
    attempt?.kill();
    tell(safeErrorText(error));
    process.exit(EXECUTOR_EXIT.internalError);
  });

  watchForAbandonment(connections, mode, parseRedisAway(process.argv.slice(2)) ?? REDIS_AWAY_MS, (why) => {
    attempt?.abandon();
    tell(why);
    process.exit(EXECUTOR_EXIT.abandoned);
  });

  const begun = (one: Attempt): void => {
    attempt = one;
  };
  try {
    return await carryOut(connections, orders, setStage(mode, orders, variables), begun, unstarted.signal);
  } catch (error) {
    if (unstarted.signal.aborted) return EXECUTOR_EXIT.notWanted;
    (attempt as Attempt | null)?.kill();
    if (!(error instanceof LogLost)) throw error;
    tell(error.message);
    return EXECUTOR_EXIT.logLost;
  } finally {
    connections.close();
  }
};

process.stderr.on('error', () => undefined);
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    tell(safeErrorText(error));
    process.exit(error instanceof BadOrders ? EXECUTOR_EXIT.badOrders : EXECUTOR_EXIT.internalError);
  },
);
