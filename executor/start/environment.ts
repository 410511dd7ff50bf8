/** The environment of the executor: its orders, and what its command's environment is made of. */
import { parseRunId, type RunId } from '../../src/domain/ids.ts';
import type { EnvVar, RunRecord } from '../../src/domain/run.ts';
import { parseEnviron } from '../../src/system/processes.ts';
import { attemptVariables, type ExecutorMode, ORDER_VARIABLES } from '../../src/wire/executorOrders.ts';
import { unseal } from '../../src/wire/seal.ts';
import { readKernelFile } from './openedFiles.ts';

export type Variables = Readonly<Record<string, string>>;

/** The values of ORDER_VARIABLES. */
export interface Orders {
  readonly runId: RunId;
  readonly attempt: number;
  readonly redisUrl: string;
  /** Key that opens the run's sealed secrets. Null if RUN_KEY is not set. */
  readonly runKey: Buffer | null;
  /** Where it runs, as the record names it. Null if RUN_ENGINE is not set. */
  readonly engine: string | null;
}

/** The executor's arguments or variables are wrong, so no launcher started it. The message has no values. */
export class BadOrders extends Error {
  override readonly name = 'BadOrders';
}

/** What a local process keeps of the service's environment for its command. None of it can hold a secret. */
const LOCAL_VARIABLES = ['PATH', 'LANG', 'TZ'] as const;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The launcher's variables and those that the command's environment starts from. In a container they are read from the
 * first process, whose environment the engine made: the executor itself has an empty one (docs/decisions/0004).
 */
export const readVariables = (mode: ExecutorMode): Variables =>
  mode.kind === 'container' ? parseEnviron(readKernelFile('environment')) : localVariables();

const localVariables = (): Variables => {
  const variables: Record<string, string> = {};
  for (const name of [...ORDER_VARIABLES, ...LOCAL_VARIABLES]) {
    const value = process.env[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
};

/** @throws BadOrders */
export const parseOrders = (variables: Variables): Orders => {
  const runId = parseRunId(variables.RUN_ID ?? '');
  if (runId === null) throw new BadOrders('RUN_ID is not a valid run id; set it to the id of a run');
  const attempt = Number(variables.RUN_ATTEMPT);
  if (!Number.isInteger(attempt) || attempt < 1) {
    throw new BadOrders('RUN_ATTEMPT is not a positive integer; set it to the number of the attempt');
  }
  if (!variables.REDIS_URL) throw new BadOrders('REDIS_URL is not set; set it to the URL of Redis');
  const runKey = variables.RUN_KEY ? Buffer.from(variables.RUN_KEY, 'base64url') : null;
  return { runId, attempt, redisUrl: variables.REDIS_URL, runKey, engine: variables.RUN_ENGINE || null };
};

/** The run's own variables, with its secrets decrypted. @throws Error if a secret can't be decrypted */
export const openEnv = (env: readonly EnvVar[], runKey: Buffer | null): EnvVar[] =>
  env.map((one) => {
    if (!one.secret) return one;
    if (runKey === null) throw new BadOrders('RUN_KEY is not set; the run has secrets that need it');
    return { ...one, value: unseal(runKey, one.name, one.value) };
  });

/**
 * The command's environment: `base` (the image's, or LOCAL_VARIABLES), HOME, the run's own variables, and RUN_ID,
 * RUN_ATTEMPT and RUN_INPUT. These come last, so neither an image nor a run can override them.
 */
export const commandVariables = (
  base: Variables,
  home: string,
  run: Pick<RunRecord, 'id' | 'attempt' | 'input'>,
  env: readonly EnvVar[],
): Variables => {
  const variables: Record<string, string> = { PATH: DEFAULT_PATH, ...base, HOME: home };
  for (const name of ORDER_VARIABLES) delete variables[name];
  for (const { name, value } of env) variables[name] = value;
  Object.assign(variables, attemptVariables(run.id, run.attempt));
  if (run.input !== undefined) variables.RUN_INPUT = JSON.stringify(run.input);
  return variables;
};
