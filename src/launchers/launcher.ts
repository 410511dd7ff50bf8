/**
 * The interface of launchers: what starts, stops and finds the executors of attempts. One test suite runs over every
 * implementation (test/contract/launcher.test.ts).
 *
 * Order of calls:
 * - `prepare` comes first. It can be repeated after a failure.
 * - For each attempt: `launch`, then `Execution.wait`, then `Execution.remove`.
 * - `Execution.stop` can come at any time after `launch`, also while `wait` is pending.
 * - `close` comes last.
 *
 * What can run at the same time: all calls for different attempts; `launch`, `find` and `list` from several services of
 * one installation, also for the same attempt.
 *
 * What is safe to repeat: everything but `close`. `launch` starts an attempt (runId, attempt) at most once: a second
 * call, from this process or another, gets an Execution of what the first one started.
 */
import type { RunId } from '../domain/ids.ts';
import type { FailureReason, Resources } from '../domain/run.ts';

/**
 * How executors of a launcher reach Redis (src/redis/relay/executorRedis.ts decides the address by it):
 * - `host`: they run on this machine as the service does, and use its address of Redis.
 * - `mount`: they run on this machine in a file system of their own. Redis' unix socket comes through a mounted
 *   directory. An address on this machine's loopback reaches them only with `sharesLoopback`.
 * - `network`: they run on other machines. Only an address that is reached over the network works.
 */
export type RedisReach =
  | { readonly by: 'host' }
  | {
      readonly by: 'mount';
      /** Path in the executor's root directory at which the socket's directory is mounted, read-only. */
      readonly directory: string;
      /** Whether the executor's loopback interface is this machine's. */
      readonly sharesLoopback: boolean;
    }
  | { readonly by: 'network' };

/**
 * How the executor's program gets to where an attempt runs:
 * - `host files`: it is started from the service's own files.
 * - `mount`: a volume with the program is mounted into the attempt's container.
 * - `init container`: a container that runs first copies the program into the attempt's volume.
 */
export type ExecutorCarriage = 'host files' | 'mount' | 'init container';

/** What other rooms need to know of a kind of launcher, also before one is made. */
export interface LauncherTraits {
  /** As LAUNCHER names it. */
  readonly kind: string;
  readonly redisReach: RedisReach;
  readonly carriesExecutor: ExecutorCarriage;
}

/** Redis' unix socket for executors that reach it by a mount. */
export interface RedisMount {
  /** The directory on this machine. It holds the socket and nothing else that a command could use. */
  readonly directory: string;
  /** The group that has access to the directory; an extra group of the executor, not of its command. */
  readonly gid: number;
}

export interface LaunchSpec {
  readonly runId: RunId;
  readonly attempt: number;
  /** The image that was asked for; null: the service's executor image. */
  readonly image: string | null;
  readonly resources: Resources;
  /** How long the executor lets its command live after a stop, milliseconds (the run's grace period). */
  readonly stopGraceMs: number;
  /** What the executor needs and the command must not see: RUN_ID, RUN_ATTEMPT, REDIS_URL, RUN_KEY, RUN_ENGINE. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One step of a launch, for a ContainerEvent in the run's log. `kind` as in schema/schema.graphql. */
export interface LaunchProgress {
  readonly kind: 'IMAGE_PULLING' | 'IMAGE_PULLED' | 'CREATED' | 'STARTED' | 'FOUND';
  readonly detail: string | null;
}

/** Why an attempt could not be launched. `message` is one sentence for the run's owner, without internal addresses. */
export class LaunchError extends Error {
  readonly reason: Extract<FailureReason, 'IMAGE_UNAVAILABLE' | 'LAUNCH_FAILED'>;
  constructor(reason: LaunchError['reason'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'LaunchError';
    this.reason = reason;
  }
}

/** How the executor's container or process ended, as far as the launcher can tell. */
export interface ExitReport {
  /** Null where it is unknown: it was removed by somebody else, or another service started it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** True only with evidence: the kernel's log, or the engine's flag. */
  readonly outOfMemory: boolean;
}

/** One launched attempt. Every call can be repeated and can run while others are pending. */
export interface Execution {
  /** Resolves when it has ended. @throws only the signal's reason */
  wait(signal: AbortSignal): Promise<ExitReport>;
  /**
   * Sends SIGTERM to the executor, and SIGKILL to all processes of the attempt after `graceMs` (0: at once). Resolves
   * when they have ended. Does nothing where they have ended already.
   */
  stop(graceMs: number): Promise<void>;
  /** Kills what still runs and removes what is left: container, volumes, files. Does nothing where nothing is left. */
  remove(): Promise<void>;
}

export interface Launcher extends LauncherTraits {
  /** One line for an operator: engine, version, limits that are not enforced. */
  readonly description: string;
  /** Name of the default image, as Run.image shows it ("runloom-executor:…", or "process"). */
  readonly defaultImage: string;
  /**
   * The identity of what executes attempts: the engine, or the processes that this service can see. Services with the
   * same one find each other's attempts; a service decides nothing about attempts of another one. It stays the same as
   * long as attempts can be alive. Final after `prepare`.
   */
  readonly engine: string;
  /** Whether it can start a run for which this image was asked (null: none). */
  startsImage(image: string | null): boolean;
  /** Which limits of Run.resources are enforced; final after `prepare`. */
  readonly enforces: { readonly memory: boolean; readonly cpus: boolean };
  /**
   * Does all set-up that runs need. `say` gets lines for the person who starts the service.
   * @throws Error with a sentence for the operator; the signal's reason
   */
  prepare(say: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** Why runs cannot start now, or null where they can. Cheap: /health/ready asks it. */
  unready(): Promise<string | null>;
  /** What an operator should know although runs are accepted; null: nothing. */
  warning?(): string | null;
  /**
   * Whether a launch with this image would connect to its registry now: it is not here. False for an invalid name.
   * @throws the engine's error
   */
  needsPull(image: string): Promise<boolean>;
  /** @throws LaunchError; or the signal's reason where it was aborted, after what was begun is removed */
  launch(spec: LaunchSpec, progress: (step: LaunchProgress) => void, signal: AbortSignal): Promise<Execution>;
  /** Finds what an earlier launch started; null where nothing of it is left. */
  find(runId: RunId, attempt: number): Promise<Execution | null>;
  /** Attempts of this installation of which something is left, ended ones included. */
  list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]>;
  /** Frees the launcher's own connections. Executions go on. */
  close(): Promise<void>;
}
