/**
 * The last events of an attempt. Executor, supervisor and API (a cancel while the run is queued) all build them here, so
 * that every end has the same shape.
 */
import type { EpochMs, EventDraft } from './events.ts';
import { type AttemptEnd, backoffMs, finishedMessage, type RunRecord, type RunStatus, retryFollows } from './run.ts';
import { type RunStateEvent, statusAfter } from './runStates.ts';

const EVENT_OF_END: Readonly<Record<AttemptEnd['status'], RunStateEvent>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
};

/** The last events of an attempt, and what they change in the run's record. */
export interface EndingBatch {
  readonly drafts: readonly EventDraft[];
  readonly status: RunStatus;
  /** When the next attempt is due; null if the run has ended (the batch closes the log). */
  readonly retryAt: EpochMs | null;
}

export interface EndingFacts {
  /** The run's status before the end. */
  readonly previous: RunStatus;
  /** Of the whole log before the batch. The batch has no LogLine. */
  readonly totals: { readonly lines: number; readonly bytes: number; readonly dropped: number };
  readonly now: EpochMs;
}

/**
 * AttemptFinished; then, if another attempt follows, StatusChanged to PENDING, else StatusChanged and RunFinished.
 */
export const endingBatch = (
  run: Pick<RunRecord, 'maxAttempts' | 'backoffSeconds' | 'cancelRequestedAt'>,
  attempt: number,
  end: AttemptEnd,
  { previous, totals, now }: EndingFacts,
): EndingBatch => {
  const { exitCode, failure, digest } = end;
  const retryAt = retryFollows(run, attempt, end) ? now + backoffMs(run.backoffSeconds, attempt) : null;
  const status = statusAfter(previous, retryAt === null ? EVENT_OF_END[end.status] : 'failedToRetry');
  const finished: EventDraft = { kind: 'AttemptFinished', timestamp: now, exitCode, failure, digest, retryAt };
  if (retryAt !== null) {
    const detail = `attempt ${attempt} failed: ${failure?.message ?? 'unknown reason'}`;
    return {
      drafts: [finished, { kind: 'StatusChanged', timestamp: now, status, previous, detail }],
      status,
      retryAt,
    };
  }
  return {
    drafts: [
      finished,
      {
        kind: 'StatusChanged',
        timestamp: now,
        status: end.status,
        previous,
        detail: failure?.message ?? end.cancelReason,
      },
      {
        kind: 'RunFinished',
        timestamp: now,
        status: end.status,
        exitCode,
        failure,
        message: finishedMessage(end),
        ...totals,
        digest,
      },
    ],
    status,
    retryAt: null,
  };
};
