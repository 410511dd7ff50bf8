/** Kills what the command left behind, even what has left its session and group. */
import { readdirSync, readFileSync } from 'node:fs';
import { tryKill } from './command.ts';
import { parseEnviron } from './environment.ts';

/** Every process but the first one and ourselves (kill(2)): in a container, all that is the command's. */
export const killAllOthers = (): void => {
  tryKill(-1, 'SIGKILL');
};

/** Rounds of looking: what is found can have started another one meanwhile. */
const ROUNDS = 5;

/**
 * Without a container: the processes whose environment says that they are this attempt's, as far as
 * the kernel shows it (Linux). Executors are spared, which hold RUN_KEY and what it guards.
 */
export const killAttempt = (runId: string, attempt: number): void => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = listProcesses().filter((pid) => isOfAttempt(pid, runId, attempt));
    if (found.length === 0) return;
    for (const pid of found) tryKill(pid, 'SIGKILL');
  }
};

const listProcesses = (): number[] => {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
};

const isOfAttempt = (pid: number, runId: string, attempt: number): boolean => {
  if (pid === process.pid) return false;
  try {
    // What was killed keeps its place until its parent takes note, and its environment is empty then.
    const text = readFileSync(`/proc/${pid}/environ`, 'utf8');
    if (!text.includes(runId)) return false;
    const { RUN_ID, RUN_ATTEMPT, REDIS_URL, RUN_KEY } = parseEnviron(text);
    return RUN_ID === runId && RUN_ATTEMPT === String(attempt) && (REDIS_URL === undefined || RUN_KEY === undefined);
  } catch {
    return false;
  }
};
