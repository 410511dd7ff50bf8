/**
 * How a launcher starts an executor, and what the executor's exit code means: its environment variables, arguments and
 * exit codes. Launchers, supervision and the executor (executor/) all take them from here.
 */

/** Environment variables that only the executor gets. Its command gets the first two and RUN_INPUT. */
export const ORDER_VARIABLES = ['RUN_ID', 'RUN_ATTEMPT', 'REDIS_URL', 'RUN_KEY', 'RUN_ENGINE'] as const;

/** The values of these variables. */
export type OrderVariables = Readonly<Record<(typeof ORDER_VARIABLES)[number], string>>;

/** Variables that both an executor and its command have, so all processes of one attempt can be found by them. */
export const attemptVariables = (runId: string, attempt: number): Pick<OrderVariables, 'RUN_ID' | 'RUN_ATTEMPT'> => ({
  RUN_ID: runId,
  RUN_ATTEMPT: String(attempt),
});

/** Variables that an executor has and its command never has. */
export const EXECUTOR_ONLY_VARIABLES = ['REDIS_URL', 'RUN_KEY'] as const satisfies readonly (keyof OrderVariables)[];

/** Where the executor runs: in a container with an image, or as a local process with a directory for the attempt. */
export type ExecutorMode =
  | { readonly kind: 'container'; readonly imageUser: string; readonly stopSignal: string }
  | { readonly kind: 'process'; readonly directory: string };

/**
 * Arguments that tell an executor its mode. `imageUser` and `stopSignal` as in the image's config, '' if it has none.
 */
export const modeArguments = (mode: ExecutorMode): readonly string[] =>
  mode.kind === 'container'
    ? ['--container', `--image-user=${mode.imageUser}`, `--stop-signal=${mode.stopSignal}`]
    : [`--workspace=${mode.directory}`];

/** The mode that such arguments name, or null if they name none. */
export const parseMode = (args: readonly string[]): ExecutorMode | null => {
  if (args.includes('--container')) {
    const [imageUser = '', stopSignal = ''] = [argument(args, 'image-user'), argument(args, 'stop-signal')];
    return { kind: 'container', imageUser, stopSignal };
  }
  const directory = argument(args, 'workspace');
  return directory ? { kind: 'process', directory } : null;
};

/** `--redis-away-ms=<number>`: after how long without Redis the executor gives up. Null for the default. */
export const parseRedisAway = (args: readonly string[]): number | null => positive(argument(args, 'redis-away-ms'));

/** How long an executor waits after its final batch for a Redis that is away, which can have lost the end just then. */
export const GUARD_AWAY_MS = 60_000;

/** `--guard-away-ms=<number>`: takes the place of GUARD_AWAY_MS. Null for the default. */
export const parseGuardAway = (args: readonly string[]): number | null => positive(argument(args, 'guard-away-ms'));

/** `--beat-ms=<number>`: how often the executor shows that it is alive. Null for the default. */
export const parseBeat = (args: readonly string[]): number | null => positive(argument(args, 'beat-ms'));

const positive = (text: string | undefined): number | null => (Number(text) > 0 ? Number(text) : null);

const argument = (args: readonly string[], name: string): string | undefined =>
  args.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);

/** Name of the command's working directory inside the directory of a local attempt. */
export const PROCESS_WORKSPACE = 'workspace';

/** Exit codes of an executor. After any but `stored` the supervisor writes the attempt's end. */
export const EXECUTOR_EXIT = {
  /** The attempt's end is stored. */
  stored: 0,
  /** The attempt is over, or another executor has it. Nothing was started. */
  notWanted: 3,
  /** Another writer has the log, or the run is over or gone. The command was killed. */
  logLost: 4,
  /** Redis was away for a day, or the attempt's directory was removed. The command was killed. */
  abandoned: 5,
  /** An error in the executor. The command was killed. */
  internalError: 70,
  /** The variables or arguments above are missing or invalid. */
  badOrders: 78,
} as const;

/**
 * oom_score_adj of a command (proc_pid_oom_score_adj(5)): the kernel kills it before its executor, and its log names it
 * by this score. executor/enter/enter.c sets the same number.
 */
export const COMMAND_OOM_SCORE = '1000';
