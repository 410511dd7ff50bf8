/** Waits for one attempt's end. Enforces cancel and timeout itself where the executor does not do it in time. */
import type { Logger } from 'pino';
import { LIMITS } from '../../domain/limits.ts';
import type { RunRecord } from '../../domain/run.ts';
import type { Execution, ExitReport } from '../../launchers/launcher.ts';
import { GUARD_AWAY_MS } from '../../wire/executorOrders.ts';
import { type Evidence, hasEnded, NO_EVIDENCE } from './ending.ts';
import type { LogExtent } from './runWriter.ts';
import { type WatchContext, watchRun } from './watch.ts';

/** How much later than the executor, which enforces the same deadlines. */
const MARGIN_MS = 5000;
/**
 * The same where the command has a grace period. The executor can learn of a cancel 2 s after this process; after the
 * kill it reads the command's pipes for up to 2 s, and then it stores the rest of the log.
 */
const GRACE_MARGIN_MS = 12_000;
/** An executor that has not reported by then never will: Node.js starts within about a second. */
const REPORT_MS = 120_000;
/** An executor that has written the end exits at once; one that is still there after this hangs. */
const LEAVING_MS = 30_000;
const CHECK_EVERY_MS = 500;
/** Pause between two calls of `stop`. */
const STOP_AGAIN_MS = 10_000;

/** Longest time between two looks that counts as silence: in a longer one Redis or this process was away. */
const LOOK_GAP_MS = 5000;

type StopReason = 'cancel' | 'timeout' | 'silent' | 'leaving' | 'unheard';

/**
 * When things were first seen, by this process' monotonic clock: the clocks of executors and of Redis can be wrong by
 * hours. So a supervisor that adopts a run gives it the whole time again; its executor does not.
 */
interface Seen {
  run: RunRecord | null;
  running: number | null;
  cancel: number | null;
  force: number | null;
  end: number | null;
  /** The longest that its log was: a Redis that loses writes shows less later. */
  extent: LogExtent | null;
  /** What shows that the executor is alive, when it was last looked at, and how long it has not changed. */
  sign: string;
  lookedAt: number | null;
  quietMs: number;
}

interface Instants {
  /** Milliseconds of the same monotonic clock. */
  readonly launchedAt: number;
  readonly now: number;
  readonly timeoutSeconds: number | null;
  /** How long an executor can be silent; null: its engine is seen, which tells more. */
  readonly silenceMs: number | null;
}

/** The deadline that has passed; null where none has. */
const stopReason = (seen: Readonly<Seen>, instants: Instants): StopReason | null => {
  const { launchedAt, now, timeoutSeconds, silenceMs } = instants;
  const { run } = seen;
  if (run === null) return null;
  if (silenceMs !== null && seen.quietMs >= silenceMs) return 'unheard';
  const late = (since: number | null, ms: number): boolean => since !== null && now - since > ms;
  if (late(seen.force, MARGIN_MS)) return 'cancel';
  if (late(seen.cancel, run.cancelGraceMs + GRACE_MARGIN_MS)) return 'cancel';
  const overMs = run.cancelGraceMs + GRACE_MARGIN_MS;
  if (timeoutSeconds !== null && late(seen.running, timeoutSeconds * 1000 + overMs)) return 'timeout';
  if (late(seen.end, LEAVING_MS)) return 'leaving';
  return run.status === 'STARTING' && late(launchedAt, REPORT_MS) ? 'silent' : null;
};

const note = (seen: Seen, run: RunRecord, attempt: number): void => {
  const now = performance.now();
  seen.run = run;
  noteSign(seen, run, now);
  const { lastSeq, lines, bytes } = run;
  if (lastSeq > (seen.extent?.lastSeq ?? 0)) seen.extent = { lastSeq, lines, bytes };
  if (run.status === 'RUNNING' && run.attempt === attempt) seen.running ??= now;
  if (run.cancelRequestedAt !== null) seen.cancel ??= now;
  if (run.cancelForce) seen.force ??= now;
  if (hasEnded(run, attempt)) seen.end ??= now;
};

const noteSign = (seen: Seen, { lastSeq, term, beat }: RunRecord, now: number): void => {
  const sign = `${lastSeq} ${term} ${beat}`;
  const sinceLook = Math.min(now - (seen.lookedAt ?? now), LOOK_GAP_MS);
  seen.quietMs = sign === seen.sign ? seen.quietMs + sinceLook : 0;
  seen.sign = sign;
  seen.lookedAt = now;
};

export interface ExecutionContext extends WatchContext {
  /** How long an executor on an engine that is not seen can be silent, milliseconds. Default: LIMITS.executorSilenceSeconds. */
  readonly silenceMs?: number;
  readonly log: Logger;
}

/** Null where the log has the attempt's end and the executor stays only to write it again. */
export type Ended = Evidence | null;

export interface Supervised {
  /** With a timeout that the operator allows. */
  readonly run: RunRecord;
  readonly attempt: number;
  readonly execution: Execution;
  /** This process does not see the attempt's engine: the executor's own writes are all that is known of it. */
  readonly isUnseen: boolean;
}

/** Resolves at the attempt's end, with what is known of it. @throws the signal's reason; the execution goes on then */
export const untilEnd = async (
  context: ExecutionContext,
  supervised: Supervised,
  signal: AbortSignal,
): Promise<Ended> => {
  const { run, attempt, execution, isUnseen } = supervised;
  const seen = nothingSeen();
  const deadlines = enforceDeadlines(context, supervised, seen);
  const ended = Promise.withResolvers<null>();
  const unwatch = watchRun(context, run.id, (record) => {
    note(seen, record, attempt);
    if ((isUnseen || record.lingerMs > 0) && hasEnded(record, attempt)) ended.resolve(null);
  });
  const waiting = new AbortController();
  let exit: ExitReport | null;
  try {
    exit = await Promise.race([execution.wait(AbortSignal.any([signal, waiting.signal])), ended.promise]);
  } finally {
    unwatch();
    deadlines.close();
    waiting.abort();
  }
  if (exit === null) return null;
  const reason = deadlines.missed();
  const late = timedOut(seen, reason, run.timeoutSeconds);
  const known = { ...NO_EVIDENCE, timedOut: late, silent: reason === 'silent', seen: seen.extent };
  return isUnseen ? { ...known, unseen: reason === 'unheard' ? 'unheard' : 'not stopped' } : { ...known, exit };
};

const nothingSeen = (): Seen => ({
  run: null,
  running: null,
  cancel: null,
  force: null,
  end: null,
  extent: null,
  sign: '',
  lookedAt: null,
  quietMs: 0,
});

interface Deadlines {
  /** The first deadline that was missed; null where none was. */
  missed(): StopReason | null;
  close(): void;
}

/** Stops the execution, again and again, after a deadline has passed. */
const enforceDeadlines = (
  context: ExecutionContext,
  { run, attempt, execution, isUnseen }: Supervised,
  seen: Readonly<Seen>,
): Deadlines => {
  const launchedAt = performance.now();
  const silenceMs = isUnseen ? (context.silenceMs ?? LIMITS.executorSilenceSeconds * 1000) : null;
  let reason: StopReason | null = null;
  let stoppedAt = Number.NEGATIVE_INFINITY;
  const check = (): void => {
    const now = performance.now();
    const due = stopReason(seen, { launchedAt, now, timeoutSeconds: run.timeoutSeconds, silenceMs });
    if (due === null || now - stoppedAt < STOP_AGAIN_MS) return;
    reason ??= due;
    stoppedAt = now;
    const { log } = context;
    log.warn({ runId: run.id, attempt, reason: due }, 'an executor missed a deadline and was stopped');
    execution.stop(0).catch((error: unknown) => log.warn({ err: error, runId: run.id }, 'could not stop an executor'));
  };
  const timer = setInterval(check, CHECK_EVERY_MS);
  return { missed: () => reason, close: () => clearInterval(timer) };
};

/**
 * Waits until the executor of an ended attempt is gone, and removes what is left of it. One that hangs is killed.
 * @throws the signal's reason (the execution goes on then); the launcher's error
 */
export const untilGone = async (run: RunRecord, execution: Execution, signal: AbortSignal): Promise<void> => {
  const patience = AbortSignal.timeout(run.lingerMs + GUARD_AWAY_MS + LEAVING_MS);
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
