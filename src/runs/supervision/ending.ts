/** Ends of attempts that the executor did not write: which end it is (pure), and the batch that writes it. */
import { endingBatch } from '../../domain/end.ts';
import type { EpochMs, EventDraft } from '../../domain/events.ts';
import type { AttemptEnd, Failure, FailureReason, RunRecord } from '../../domain/run.ts';
import { isTerminal } from '../../domain/run.ts';
import type { ExitReport, LaunchError } from '../../launchers/launcher.ts';
import type { IndexedGroup } from '../../wire/logIndex/groups.ts';
import type { RecordChanges } from '../../wire/runRecord.ts';
import type { LogExtent, RunWriter, WriteCode } from './runWriter.ts';

/** What a supervisor knows about an attempt whose executor did not write the end. */
export interface Evidence {
  /** Why it was not launched. */
  readonly launchError: LaunchError | null;
  /** How the executor ended; null where none was found. */
  readonly exit: ExitReport | null;
  /** Its timeoutSeconds had passed before a cancel was known. */
  readonly timedOut: boolean;
  /** It was stopped because its executor did not report. */
  readonly silent: boolean;
  /**
   * Set where no service sees its engine: nothing was heard of it for a long time, or it could not be stopped after a
   * cancel or timeout.
   */
  readonly unseen: 'unheard' | 'not stopped' | null;
  /** The end of its log as it was last seen, read every 2 s; null where it was not read. */
  readonly seen: LogExtent | null;
}

export const NO_EVIDENCE: Evidence = {
  launchError: null,
  exit: null,
  timedOut: false,
  silent: false,
  unseen: null,
  seen: null,
};

const UNHEARD =
  'Nothing was heard of the executor for a long time, and the host of the attempt has no service that could look for it.';
/** For the run's owner: the command can still run. */
const NOT_STOPPED =
  'The host of the attempt has no service that could stop the executor. The executor stops itself when it reaches Redis.';

const failed = (reason: FailureReason, message: string, exit: ExitReport | null): AttemptEnd => {
  const failure: Failure = { reason, message, signal: null };
  return { status: 'FAILED', exitCode: exit?.exitCode ?? null, failure, cancelReason: null, digest: null };
};

/** The first cause decides: a timeout that passed before a cancel was known, then a cancel, then the executor's end. */
export const decideEnd = (
  run: Pick<RunRecord, 'cancelRequestedAt' | 'cancelReason' | 'timeoutSeconds'>,
  evidence: Evidence,
): AttemptEnd => {
  const { launchError, exit, timedOut, silent, unseen } = evidence;
  if (timedOut) {
    const seconds = run.timeoutSeconds ?? 0;
    const passed = `The timeout of ${seconds} second${seconds === 1 ? '' : 's'} passed.`;
    return { ...failed('TIMEOUT', passed, null), exitCode: null };
  }
  if (run.cancelRequestedAt !== null) {
    return { status: 'CANCELLED', exitCode: null, failure: null, cancelReason: run.cancelReason, digest: null };
  }
  if (launchError !== null) return failed(launchError.reason, launchError.message, null);
  if (exit?.outOfMemory) {
    return failed('OUT_OF_MEMORY', 'The kernel killed the container for memory.', { ...exit, exitCode: null });
  }
  if (unseen !== null) return failed('EXECUTOR_LOST', UNHEARD, null);
  if (silent) return failed('EXECUTOR_LOST', 'The executor started but did not report.', null);
  return failed('EXECUTOR_LOST', `The executor ended without writing the end of the attempt${how(exit)}.`, null);
};

/** " (exit code 137)", " (signal SIGKILL)", or '' where it is unknown. */
const how = (exit: ExitReport | null): string => {
  if (exit?.exitCode !== null && exit?.exitCode !== undefined) return ` (exit code ${exit.exitCode})`;
  return exit?.signal ? ` (signal ${exit.signal})` : '';
};

/** Whether the log has this attempt's end. */
export const hasEnded = (run: Pick<RunRecord, 'closed' | 'status' | 'nextAttempt' | 'attempt'>, attempt: number) =>
  run.closed || run.attempt > attempt || (run.status === 'PENDING' && run.nextAttempt > attempt);

export interface UnwrittenEnd {
  /** The record as it was claimed: STARTING or RUNNING. */
  readonly run: RunRecord;
  readonly attempt: number;
  readonly evidence: Evidence;
}

/** Writes the end of an attempt and the run's next status. @throws as RunWriter.write */
export const writeEnd = async (writer: RunWriter, { run, attempt, evidence }: UnwrittenEnd): Promise<WriteCode> => {
  const now = Date.now();
  if (evidence.seen !== null) writer.goOnAfter(evidence.seen);
  const end = decideEnd(run, evidence);
  const batch = endingBatch(run, attempt, end, { previous: run.status, totals: totalsOf(run, evidence.seen), now });
  const before = [...groupEnds(writer.openGroups(attempt), now), ...containerEvents(evidence, now)];
  const terminal = isTerminal(batch.status);
  const changes: RecordChanges = {
    status: batch.status,
    exitCode: end.exitCode,
    failure: end.failure,
    digest: end.digest,
    retryAt: batch.retryAt,
    ...(terminal ? { finishedAt: now } : { nextAttempt: attempt + 1 }),
  };
  return await writer.write([...before, ...batch.drafts], {
    attempt,
    changes,
    closes: terminal,
    knownCancel: run.cancelRequestedAt,
  });
};

/** Lines that were seen and that Redis has lost since count as dropped. */
const totalsOf = ({ lines, bytes, dropped, lastSeq }: RunRecord, seen: LogExtent | null = null) =>
  seen === null || seen.lastSeq <= lastSeq
    ? { lines, bytes, dropped }
    : { lines: seen.lines, bytes: seen.bytes, dropped: dropped + seen.lines - lines };

/** The executor could not end them. */
const groupEnds = (groups: readonly IndexedGroup[], now: EpochMs): EventDraft[] =>
  groups.toReversed().map(({ name, seq, startedAt }) => {
    const durationMs = Math.max(now - startedAt, 0);
    return { kind: 'GroupEnded', timestamp: now, name, startSeq: seq, durationMs, implicit: true };
  });

const containerEvents = ({ exit, unseen }: Evidence, now: EpochMs): EventDraft[] => {
  if (unseen !== null) {
    return [{ kind: 'ContainerEvent', timestamp: now, containerEvent: 'UNREACHABLE', detail: NOT_STOPPED }];
  }
  if (exit === null) return [];
  const detail =
    how(exit)
      .trim()
      .replace(/^\(|\)$/g, '') || null;
  const exited: EventDraft = { kind: 'ContainerEvent', timestamp: now, containerEvent: 'EXITED', detail };
  if (!exit.outOfMemory) return [exited];
  return [{ kind: 'ContainerEvent', timestamp: now, containerEvent: 'OUT_OF_MEMORY', detail: null }, exited];
};

/**
 * Ends a run that was cancelled while it was PENDING. Before the first attempt, that attempt ends too. Between two
 * attempts the last one has its AttemptFinished already, and its exit code and digest stay. @throws as RunWriter.write
 */
export const writeCancelledPending = async (writer: RunWriter, run: RunRecord): Promise<WriteCode> => {
  const now = Date.now();
  const between = run.nextAttempt > 1;
  const end: AttemptEnd = {
    status: 'CANCELLED',
    exitCode: between ? run.exitCode : null,
    failure: null,
    cancelReason: run.cancelReason,
    digest: between ? run.digest : null,
  };
  const { drafts, status } = endingBatch(run, run.attempt, end, { previous: run.status, totals: totalsOf(run), now });
  return await writer.write(between ? drafts.filter((draft) => draft.kind !== 'AttemptFinished') : drafts, {
    attempt: run.attempt,
    changes: {
      status,
      failure: null,
      exitCode: end.exitCode,
      digest: end.digest,
      retryAt: null,
      finishedAt: now,
    },
    closes: true,
    knownCancel: run.cancelRequestedAt,
  });
};
