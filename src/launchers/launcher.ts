/**
 * The port through which attempts are started. One suite of tests runs over every implementation
 * (test/contract/launcher.test.ts).
 *
 * Order of calls: `prepare` once at the start of the service (again after a failure); then, per
 * attempt, `launch` -> `wait` -> `remove`. `stop` may come at any time after `launch`, also while
 * `wait` is pending. Different attempts may be in different calls at once.
 *
 * `launch` is idempotent per (runId, attempt): a second supervisor, in this process or another,
 * finds what the first one started and gets an Execution for it; nothing is started twice.
 */
import type { RunId } from '../domain/ids.ts';
import type { FailureReason, Resources } from '../domain/run.ts';

export interface LaunchSpec {
  readonly runId: RunId;
  readonly attempt: number;
  /** The image that was asked for; null: the service's executor image. */
  readonly image: string | null;
  readonly resources: Resources;
  /** How long the executor lets its command live after it is told to stop (Run's grace period). */
  readonly stopGraceMs: number;
  /** What the executor needs and the command must not see: RUN_ID, RUN_ATTEMPT, REDIS_URL, RUN_KEY. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What the engine did, for a ContainerEvent in the run's log. `kind` as in schema/schema.graphql. */
export interface LaunchProgress {
  readonly kind: 'IMAGE_PULLING' | 'IMAGE_PULLED' | 'CREATED' | 'STARTED' | 'FOUND';
  readonly detail: string | null;
}

/** Why an attempt could not be launched. `message` is one sentence for a person, with no internal address. */
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
  /** Null where nobody knows (it was removed behind our back, or another service's child). */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** True only on good evidence (the kernel's counters, or the engine's flag set). */
  readonly outOfMemory: boolean;
}

export interface Execution {
  /** Resolves when it has ended; rejects only with the signal's reason. Safe to call more than once. */
  wait(signal: AbortSignal): Promise<ExitReport>;
  /**
   * SIGTERM to the executor, SIGKILL of everything after graceMs (0: at once). Resolves when it has
   * ended. Harmless where it has ended or is gone.
   */
  stop(graceMs: number): Promise<void>;
  /** Removes what is left (container, workspace). Harmless where nothing is left. */
  remove(): Promise<void>;
}

export interface Launcher {
  readonly kind: 'container' | 'process';
  /** One line for the start of the service: engine, version, what is not bounded. */
  readonly description: string;
  /** Name of the default image, as Run.image shows it ("runloom-executor:…", or "process"). */
  readonly defaultImage: string;
  /** Which bounds of Run.resources hold here; known once it is prepared. */
  readonly enforces: { readonly memory: boolean; readonly cpus: boolean };
  /**
   * All set-up that runs need (build or find the executor image, fill the carried volume, start one
   * probe). Says its progress through `say`, since people wait. @throws Error with a sentence for the operator.
   */
  prepare(say: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** Why runs cannot start now, or null where they can (cheap; asked by /health/ready). */
  unready(): Promise<string | null>;
  /** @throws LaunchError, or the signal's reason where it was aborted (what was begun is removed then). */
  launch(spec: LaunchSpec, progress: (step: LaunchProgress) => void, signal: AbortSignal): Promise<Execution>;
  /** Finds what an earlier launch started; null where there is nothing (any more). */
  find(runId: RunId, attempt: number): Promise<Execution | null>;
  /** Attempts of this installation that exist now, ended ones included, for the reconciler's clean-up. */
  list(): Promise<readonly { readonly runId: RunId; readonly attempt: number }[]>;
  close(): Promise<void>;
}
