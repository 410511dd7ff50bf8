/** Prepares the command's surroundings: runtime, FIFOs, and the thread that will start it. */
import type { ExecutorMode } from '../../src/wire/executorOrders.ts';
import { UnknownUser } from '../start/commandUser.ts';
import type { Orders, Variables } from '../start/environment.ts';
import { type OutputFifos, openFifos } from './fifos.ts';
import { type CommandRuntime, openRuntime } from './runtime.ts';
import { Spawner } from './spawner.ts';

/** What a command is started with, or why it can't be started. */
export interface CommandSetup {
  readonly orders: Orders;
  readonly variables: Variables;
  readonly spawner: Spawner;
  /** Null, as is `fifos`, if the setup failed. */
  readonly runtime: CommandRuntime | null;
  readonly fifos: OutputFifos | null;
  /** Why the setup failed, a sentence for clients. Null if it did not. */
  readonly problem: string | null;
}

/**
 * Needs no Redis, so it runs while the log is claimed. Never rejects: a failed setup is reported as the attempt's
 * failure. `onProblem` gets the cause of a failure.
 */
export const setUpCommand = async (
  mode: ExecutorMode,
  orders: Orders,
  variables: Variables,
  onProblem: (problem: string, error: unknown) => void,
): Promise<CommandSetup> => {
  const spawner = new Spawner();
  try {
    const runtime = openRuntime(mode, orders);
    const fifos = await openFifos(runtime);
    return { orders, variables, spawner, runtime, fifos, problem: null };
  } catch (error) {
    const problem = error instanceof UnknownUser ? error.message : "The command's pipes could not be made.";
    onProblem(problem, error);
    return { orders, variables, spawner, runtime: null, fifos: null, problem };
  }
};
