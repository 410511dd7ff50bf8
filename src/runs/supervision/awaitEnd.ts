/** Waits for one attempt's end and, later than the executor would, keeps cancel and timeout itself. */
import type { Logger } from 'pino';
import type { RunRecord } from '../../domain/run.ts';
import type { Execution, ExitReport } from '../../launchers/launcher.ts';
import { type Evidence, hasEnded, NO_EVIDENCE } from './ending.ts';
import type { LogExtent } from './runWriter.ts';
import { type WatchContext, watchRun } from './watch.ts';

/** How much later than the executor, which keeps the same deadlines itself and has nobody to wait for. */
const MARGIN_MS = 5000;
/**
 * The same where the command has a grace period. The executor can hear of a cancel 2 s after us, its pipes are drained for
 * 2 s after the kill, and what is left of the log has to be stored.
 */
const GRACE_MARGIN_MS = 12_000;
/** A launched executor that has not reported in by then never will: Node.js starts in a second or so. */
const HELLO_MS = 120_000;
/** An executor that had its last word ends at once; one that is still there then hangs. */
const LEAVING_MS = 30_000;
const CHECK_EVERY_MS = 500;
/** Between two calls of `stop`, where the first did not end it. */
const STOP_AGAIN_MS = 10_000;

type StopReason = 'cancel' | 'timeout' | 'silent' | 'leaving';

/**
 * When things were first seen, by this process' monotonic clock: clocks of executors and of Redis may be
 * wrong by hours. So a supervisor that adopts a run gives it the whole time again; the executor does not.
 */
interface Seen {
  run: RunRecord | null;
  running: number | null;
  cancel: number | null;
  force: number | null;
  end: number | null;
  /** The farthest that its log went: a Redis that loses its tail shows less later. */
  extent: LogExtent | null;
}

/** Which deadline has passed, if any; `launchedAt` and `now` by the same monotonic clock, milliseconds. */
const stopReason = (seen: Readonly<Seen>, launchedAt: number, now: number): StopReason | null => {
  const { run } = seen;
  if (run === null) return null;
  const late = (since: number | null, ms: number): boolean => since !== null && now - since > ms;
  if (late(seen.force, MARGIN_MS)) return 'cancel';
  if (late(seen.cancel, run.cancelGraceMs + GRACE_MARGIN_MS)) return 'cancel';
  const overMs = run.cancelGraceMs + GRACE_MARGIN_MS;
  if (run.timeoutSeconds !== null && late(seen.running, run.timeoutSeconds * 1000 + overMs)) return 'timeout';
  if (late(seen.end, LEAVING_MS)) return 'leaving';
  return run.status === 'STARTING' && late(launchedAt, HELLO_MS) ? 'silent' : null;
};

const note = (seen: Seen, run: RunRecord, attempt: number): void => {
  const now = performance.now();
  seen.run = run;
  const { lastSeq, lines, bytes } = run;
  if (lastSeq > (seen.extent?.lastSeq ?? 0)) seen.extent = { lastSeq, lines, bytes };
  if (run.status === 'RUNNING' && run.attempt === attempt) seen.running ??= now;
  if (run.cancelRequestedAt !== null) seen.cancel ??= now;
  if (run.cancelForce) seen.force ??= now;
  if (hasEnded(run, attempt)) seen.end ??= now;
};

export interface ExecutionContext extends WatchContext {
  readonly log: Logger;
}

/** Null where the attempt has its end already and its executor only lingers. */
export type Ended = Evidence | null;

/**
 * What its end looks like, or null where the end stands in the log and the executor stays on only in case Redis
 * loses it: nobody has to wait for that. @throws the signal's reason, without touching the execution
 */
export const untilEnd = async (
  context: ExecutionContext,
  run: RunRecord,
  attempt: number,
  execution: Execution,
  signal: AbortSignal,
): Promise<Ended> => {
  const seen: Seen = { run: null, running: null, cancel: null, force: null, end: null, extent: null };
  const launchedAt = performance.now();
  let reason: StopReason | null = null;
  let stoppedAt = Number.NEGATIVE_INFINITY;

  const check = (): void => {
    const now = performance.now();
    const due = stopReason(seen, launchedAt, now);
    if (due === null || now - stoppedAt < STOP_AGAIN_MS) return;
    reason ??= due;
    stoppedAt = now;
    context.log.warn({ runId: run.id, attempt, reason: due }, 'the executor did not end its command in time');
    execution.stop(0).catch((error: unknown) => context.log.warn({ err: error, runId: run.id }, 'it was not stopped'));
  };
  const ended = Promise.withResolvers<null>();
  const unwatch = watchRun(context, run.id, (record) => {
    note(seen, record, attempt);
    if (record.lingerMs > 0 && hasEnded(record, attempt)) ended.resolve(null);
  });
  const timer = setInterval(check, CHECK_EVERY_MS);
  const waiting = new AbortController();
  let exit: ExitReport | null;
  try {
    exit = await Promise.race([execution.wait(AbortSignal.any([signal, waiting.signal])), ended.promise]);
  } finally {
    unwatch();
    clearInterval(timer);
    waiting.abort();
  }
  if (exit === null) return null;
  const late = timedOut(seen, reason, run.timeoutSeconds);
  return { ...NO_EVIDENCE, exit, timedOut: late, silent: reason === 'silent', seen: seen.extent };
};

/** An executor lingers for its run's lingerMs, and waits for a Redis that is away about a minute more. */
const LINGER_AWAY_MS = 60_000;

/**
 * Waits until the executor of an ended attempt has gone, and removes what is left of it; one that hangs is
 * stopped. @throws the signal's reason, without touching the execution; or the launcher's error
 */
export const untilGone = async (run: RunRecord, execution: Execution, signal: AbortSignal): Promise<void> => {
  const patience = AbortSignal.timeout(run.lingerMs + LINGER_AWAY_MS + LEAVING_MS);
  await execution.wait(AbortSignal.any([signal, patience])).catch(() => undefined);
  signal.throwIfAborted();
  await execution.remove();
};

/** Whether the timeout passed before any cancel was known. */
const timedOut = (seen: Readonly<Seen>, reason: StopReason | null, timeoutSeconds: number | null): boolean => {
  if (reason !== null) return reason === 'timeout';
  if (seen.running === null || timeoutSeconds === null) return false;
  const dueAt = seen.running + timeoutSeconds * 1000;
  return performance.now() >= dueAt && (seen.cancel === null || seen.cancel > dueAt);
};
