/** Stage 1: where the executor is, what it was told, and what environment the command starts from. */
import { parseRunId, type RunId } from '../../src/domain/ids.ts';
import type { EnvVar, RunRecord } from '../../src/domain/run.ts';
import { unseal } from '../../src/wire/seal.ts';
import { readKernelFile } from './openedFiles.ts';

export type Variables = Readonly<Record<string, string>>;

/** What the launcher started it for: a container with a user of the image's, or a directory of the attempt. */
export type Mode =
  | { readonly kind: 'container'; readonly imageUser: string; readonly stopSignal: string }
  | { readonly kind: 'process'; readonly directory: string };

/** What the service tells an executor, and nobody else. */
export interface Orders {
  readonly runId: RunId;
  readonly attempt: number;
  readonly redisUrl: string;
  /** Opens the run's sealed secrets; null where RUN_KEY was not given. */
  readonly runKey: Buffer | null;
}

/** The executor was started in a way that no launcher does. The message names what is wrong and no value. */
export class BadOrders extends Error {
  override readonly name = 'BadOrders';
}

const OURS = ['RUN_ID', 'RUN_ATTEMPT', 'REDIS_URL', 'RUN_KEY'] as const;
/** What a process without an image keeps of the service's environment: nothing that could hold a secret. */
const MINIMAL = ['PATH', 'LANG', 'TZ'] as const;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `--container --image-user=<User> --stop-signal=<StopSignal>`, both as the image's config has them, or `--workspace=<directory>`. @throws BadOrders */
export const parseMode = (args: readonly string[]): Mode => {
  const value = (name: string): string | null =>
    args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3) ?? null;
  if (args.includes('--container')) {
    return { kind: 'container', imageUser: value('image-user') ?? '', stopSignal: value('stop-signal') ?? '' };
  }
  const directory = value('workspace');
  if (!directory) throw new BadOrders('started with neither --container nor --workspace=<directory>');
  return { kind: 'process', directory };
};

/** `--redis-away-ms=<number>`: how long Redis may be away, where that is not the usual time; null without it. */
export const parseRedisAway = (args: readonly string[]): number | null => {
  const given = Number(args.find((arg) => arg.startsWith('--redis-away-ms='))?.slice('--redis-away-ms='.length));
  return given > 0 ? given : null;
};

/**
 * In a container the first process has the environment that the engine made of the image's and ours;
 * this process itself was started with an empty one (proc_pid_environ(5)).
 */
export const readVariables = (mode: Mode): Variables =>
  mode.kind === 'container' ? parseEnviron(readKernelFile('environment')) : ownVariables();

const ownVariables = (): Variables => {
  const variables: Record<string, string> = {};
  for (const name of [...OURS, ...MINIMAL]) {
    const value = process.env[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
};

/** Entries end with NUL; one without "=" is no variable. */
export const parseEnviron = (text: string): Variables => {
  const variables: Record<string, string> = {};
  for (const entry of text.split('\0')) {
    const at = entry.indexOf('=');
    if (at > 0) variables[entry.slice(0, at)] = entry.slice(at + 1);
  }
  return variables;
};

/** @throws BadOrders */
export const parseOrders = (variables: Variables): Orders => {
  const runId = parseRunId(variables.RUN_ID ?? '');
  if (runId === null) throw new BadOrders('RUN_ID is no id of a run');
  const attempt = Number(variables.RUN_ATTEMPT);
  if (!Number.isInteger(attempt) || attempt < 1) throw new BadOrders('RUN_ATTEMPT is no number from 1');
  if (!variables.REDIS_URL) throw new BadOrders('REDIS_URL is missing');
  const runKey = variables.RUN_KEY ? Buffer.from(variables.RUN_KEY, 'base64url') : null;
  return { runId, attempt, redisUrl: variables.REDIS_URL, runKey };
};

/** The run's own variables with its secrets opened. @throws Error where a secret does not open */
export const openEnv = (env: readonly EnvVar[], runKey: Buffer | null): EnvVar[] =>
  env.map((one) => {
    if (!one.secret) return one;
    if (runKey === null) throw new BadOrders('RUN_KEY is missing');
    return { ...one, value: unseal(runKey, one.name, one.value) };
  });

/**
 * The command's environment: the image's (or a minimal one), HOME, the run's own, and last what says
 * which run it is, so that nothing in an image or a run can contradict it.
 */
export const commandVariables = (
  base: Variables,
  home: string,
  run: Pick<RunRecord, 'id' | 'attempt' | 'input'>,
  env: readonly EnvVar[],
): Variables => {
  const variables: Record<string, string> = { PATH: DEFAULT_PATH, ...base, HOME: home };
  for (const name of OURS) delete variables[name];
  for (const { name, value } of env) variables[name] = value;
  variables.RUN_ID = run.id;
  variables.RUN_ATTEMPT = String(run.attempt);
  if (run.input !== undefined) variables.RUN_INPUT = JSON.stringify(run.input);
  return variables;
};
