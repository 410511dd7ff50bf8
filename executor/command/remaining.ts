/** What else of the command lives beside its own process, even where it has left its session and group. */
import { type LivingProcess, listProcesses, parseEnviron, readEnviron, trySignal } from '../../src/system/processes.ts';
import { attemptVariables, EXECUTOR_ONLY_VARIABLES } from '../../src/wire/executorOrders.ts';

/** In a container, all that is the command's: every process but the first one and ourselves. */
export const listAllOthers = (): LivingProcess[] =>
  listProcesses().filter(({ pid }) => pid !== 1 && pid !== process.pid);

/** The same ones (kill(2)). */
export const killAllOthers = (): void => {
  trySignal(-1, 'SIGKILL');
};

/** Rounds of looking: what is found can have started another one meanwhile. */
const ROUNDS = 5;

/**
 * Without a container: the processes of the command's session and group, and those whose environment says that they are
 * this attempt's, as far as the kernel shows it (Linux). Executors are spared, which hold RUN_KEY and what it guards.
 */
export class AttemptProcesses {
  readonly #runId: string;
  readonly #attempt: number;
  /** What environments said; it grows by the processes that start here while the command is being stopped. */
  readonly #known = new Map<string, boolean>();

  constructor(runId: string, attempt: number) {
    this.#runId = runId;
    this.#attempt = attempt;
  }

  /** Those besides `leader`, the command's own process, whose number its session and group have. */
  others(leader: number): LivingProcess[] {
    const all = listProcesses();
    if (all.length === 0) return groupAlone(leader);
    // The kernel gives a number to nobody else as long as it is a group's or session's.
    const isTaken = all.some(({ pid }) => pid === leader);
    return all.filter(
      (one) =>
        one.pid !== process.pid &&
        one.pid !== leader &&
        ((!isTaken && (one.session === leader || one.group === leader)) || this.#isOurs(one)),
    );
  }

  kill(): void {
    for (let round = 0; round < ROUNDS; round += 1) {
      const found = listProcesses().filter(({ pid }) => this.#readIsOurs(pid));
      if (found.length === 0) return;
      for (const { pid } of found) trySignal(pid, 'SIGKILL');
    }
  }

  #isOurs({ pid, started }: LivingProcess): boolean {
    const key = `${pid} ${started}`;
    const known = this.#known.get(key) ?? this.#readIsOurs(pid);
    this.#known.set(key, known);
    return known;
  }

  #readIsOurs(pid: number): boolean {
    if (pid === process.pid) return false;
    const text = readEnviron(pid);
    if (!text.includes(this.#runId)) return false;
    const variables = parseEnviron(text);
    const isExecutor = EXECUTOR_ONLY_VARIABLES.every((name) => variables[name] !== undefined);
    const own = attemptVariables(this.#runId, this.#attempt);
    return variables.RUN_ID === own.RUN_ID && variables.RUN_ATTEMPT === own.RUN_ATTEMPT && !isExecutor;
  }
}

/** Without /proc: whether the group has anybody, who is signalled as a whole. */
const groupAlone = (leader: number): LivingProcess[] =>
  trySignal(-leader, 0) ? [{ pid: -leader, parent: 0, group: leader, session: leader, started: '' }] : [];
