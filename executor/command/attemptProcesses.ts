/** Finds and kills all processes of the command, also those that left its session and process group. */
import { type LivingProcess, listProcesses, parseEnviron, readEnviron, trySignal } from '../../src/system/processes.ts';
import { attemptVariables, EXECUTOR_ONLY_VARIABLES } from '../../src/wire/executorOrders.ts';

/** All processes of the container except the first one (tini) and the executor. */
export const listContainerProcesses = (): LivingProcess[] =>
  listProcesses().filter(({ pid }) => pid !== 1 && pid !== process.pid);

/** Kills the same processes (kill(2), pid -1). */
export const killContainerProcesses = (): void => {
  trySignal(-1, 'SIGKILL');
};

/** A process can start another one while it is being killed, so the search is repeated up to this often. */
const MAX_ROUNDS = 5;

/**
 * Processes of a local attempt: those of the command's session and group, and those whose environment names this
 * attempt, as far as the kernel shows it (Linux). Executors are left out.
 */
export class AttemptProcesses {
  readonly #runId: string;
  readonly #attempt: number;
  /**
   * Results of reading environments. Grows with the processes that start on the machine while the command is stopped.
   */
  readonly #known = new Map<string, boolean>();

  constructor(runId: string, attempt: number) {
    this.#runId = runId;
    this.#attempt = attempt;
  }

  /** All but `leader`, the command's own process. Its pid is also the number of its session and group. */
  others(leader: number): LivingProcess[] {
    const all = listProcesses();
    if (all.length === 0) return groupWithoutProc(leader);
    // The kernel does not reuse a pid while it is the number of a group or session.
    const isReused = all.some(({ pid }) => pid === leader);
    return all.filter(
      (one) =>
        one.pid !== process.pid &&
        one.pid !== leader &&
        ((!isReused && (one.session === leader || one.group === leader)) || this.#isOurs(one)),
    );
  }

  kill(): void {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
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

/** Without /proc: the group as a whole, while it has a process. */
const groupWithoutProc = (leader: number): LivingProcess[] =>
  trySignal(-leader, 0) ? [{ pid: -leader, parent: 0, group: leader, session: leader, started: '' }] : [];
