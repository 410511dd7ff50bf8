/** Launches one attempt and writes the steps of it to the run's log, as long as this process is the log's writer. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { abortable } from '../../async/abortable.ts';
import type { RunId } from '../../domain/ids.ts';
import { type Allotment, allot, allowsImage } from '../../domain/policy/allotment.ts';
import type { Resources, RunRecord } from '../../domain/run.ts';
import { type Execution, LaunchError, type Launcher, type LaunchProgress } from '../../launchers/launcher.ts';
import type { ExecutorAccess } from '../../redis/executors/executorAccess.ts';
import { persist } from '../../redis/wait.ts';
import { attemptVariables, type OrderVariables } from '../../wire/executorOrders.ts';
import { readImageAsked } from '../records/creation.ts';
import { runKeyText } from '../records/secrets.ts';
import type { RunWriter } from './runWriter.ts';
import { type WatchContext, watchRun } from './watch.ts';

export interface LaunchContext extends WatchContext {
  readonly redis: Redis;
  readonly launcher: Launcher;
  readonly masterKey: Buffer;
  readonly access: ExecutorAccess;
  /** The operator's limits. They hold at the launch too: an attempt can write its own record. Default: none. */
  readonly allotment?: Allotment;
  readonly log: Logger;
}

/** The run was cancelled before its executor reported. */
class CancelledWhileStarting extends Error {
  override readonly name = 'CancelledWhileStarting';
}

export type Launched =
  | { readonly kind: 'launched'; readonly execution: Execution }
  | { readonly kind: 'failed'; readonly error: LaunchError }
  | { readonly kind: 'cancelled' };

export interface Launch {
  readonly run: RunRecord;
  readonly attempt: number;
  /** Null where another process is the log's writer. */
  readonly writer: RunWriter | null;
}

/**
 * Launches the attempt, or finds what an earlier launch of it started. A cancel aborts the launch while the run is
 * STARTING. `signal` (the service stops, or the lease is lost) does not: the launch continues, and the next supervisor
 * finds its result. @throws the signal's reason
 */
export const launchAttempt = async (
  context: LaunchContext,
  { run, attempt, writer }: Launch,
  signal: AbortSignal,
): Promise<Launched> => {
  const { redis, launcher, access, masterKey, log } = context;
  const steps = new StepWriter(writer, attempt);
  const [image, redisUrl] = await persist(
    () => Promise.all([readImageAsked(redis, run.id), access.open(run.id, attempt)]),
    signal,
    log,
  );
  const environment: OrderVariables = {
    ...attemptVariables(run.id, attempt),
    REDIS_URL: redisUrl,
    RUN_KEY: runKeyText(masterKey, run.id),
    RUN_ENGINE: launcher.engine,
  };
  const abort = new AbortController();
  const unwatch = watchRun(context, run.id, (seen) => {
    if (seen.cancelRequestedAt !== null && seen.status === 'STARTING') abort.abort(new CancelledWhileStarting());
  });
  try {
    const { cancelGraceMs: stopGraceMs } = run;
    const resources = allowedResources(context, { run, image });
    const spec = { runId: run.id, attempt, image, resources, stopGraceMs, environment };
    const execution = await abortable(
      launcher.launch(spec, (step) => steps.add(step), abort.signal),
      signal,
    );
    return { kind: 'launched', execution };
  } catch (error) {
    signal.throwIfAborted();
    if (abort.signal.aborted) return { kind: 'cancelled' };
    return { kind: 'failed', error: loggedFailure(log, { runId: run.id, attempt }, error) };
  } finally {
    unwatch();
    await steps.written();
  }
};

/** The run's resources, within the operator's maximums. @throws LaunchError where the image is not allowed */
const allowedResources = (
  { allotment, launcher }: LaunchContext,
  { run, image }: { readonly run: RunRecord; readonly image: string | null },
): Resources => {
  if (allotment === undefined) return run.resources;
  if (!allowsImage(allotment, image)) {
    const what = 'The image is not allowed here. Start the run with an image of ALLOWED_IMAGES.';
    throw new LaunchError('IMAGE_UNAVAILABLE', what);
  }
  return allot({ resources: run.resources, timeoutSeconds: null }, allotment, launcher.enforces).resources;
};

/** The failure as a LaunchError; its cause is logged. */
const loggedFailure = (
  log: Logger,
  fields: { readonly runId: RunId; readonly attempt: number },
  error: unknown,
): LaunchError => {
  if (error instanceof LaunchError) {
    const { reason } = error;
    // Not at level warn, which is logged once for many runs: each run's cause must be found by its id.
    const level = reason === 'IMAGE_UNAVAILABLE' ? 'info' : 'error';
    log[level]({ err: error, ...fields, reason }, 'could not launch the attempt');
    return error;
  }
  log.error({ err: error, ...fields }, 'the launcher failed');
  return new LaunchError('LAUNCH_FAILED', 'The executor could not be started.', error);
};

/** Writes steps in order, until another process is the log's writer. A launch has about five steps. */
class StepWriter {
  #writer: RunWriter | null;
  readonly #attempt: number;
  #last: Promise<void> = Promise.resolve();

  constructor(writer: RunWriter | null, attempt: number) {
    this.#writer = writer;
    this.#attempt = attempt;
  }

  add({ kind, detail }: LaunchProgress): void {
    const timestamp = Date.now();
    this.#last = this.#last.then(async () => {
      try {
        const draft = { kind: 'ContainerEvent', timestamp, containerEvent: kind, detail } as const;
        const code = await this.#writer?.write([draft], { attempt: this.#attempt, changes: {} });
        // Usually FENCED: the executor has claimed the log.
        if (code !== 'OK') this.#writer = null;
      } catch {
        this.#writer = null;
      }
    });
  }

  /** Resolves when all steps are written or dropped. Never throws. */
  async written(): Promise<void> {
    await this.#last;
  }
}
