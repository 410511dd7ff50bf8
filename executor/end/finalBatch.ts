import { endingBatch } from '../../src/domain/end.ts';
import type { AttemptEnd, RunRecord, RunStatus } from '../../src/domain/run.ts';
import { isTerminal } from '../../src/domain/run.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import type { LogWriter } from '../write/logWriter.ts';
import { type Cancel, endOf, type Outcome } from './outcome.ts';

export interface FinalBatch {
  readonly run: RunRecord;
  /** The run's status before the end. */
  readonly previous: RunStatus;
  readonly outcome: Outcome;
  /** Reads the cancel from the record. Waits while Redis is away. */
  readonly readCancel: (signal: AbortSignal) => Promise<Cancel | null>;
  /** Hides secrets in the failure's message. */
  readonly mask: (text: string) => string;
}

/**
 * Stores what the command printed, and then AttemptFinished and what follows it as one batch. Waits while Redis is
 * away. Redis refuses an end that does not know of a cancel (PROTOCOL.md, W6); then the end is made again, with the
 * cancel.
 * @throws LogLost, or the signal's reason
 */
export const storeFinalBatch = async (writer: LogWriter, final: FinalBatch, signal: AbortSignal): Promise<void> => {
  const { run, outcome, mask } = final;
  writer.endGroups(mask);
  writer.reportRefused();
  await writer.flush();
  for (;;) {
    const cancel = await final.readCancel(signal);
    const end = masked(endOf(outcome, cancel, run, writer.digest), mask);
    const now = Date.now();
    const known = { ...run, cancelRequestedAt: cancel?.at ?? null };
    const ending = endingBatch(known, run.attempt, end, { previous: final.previous, totals: writer.totals, now });
    const terminal = isTerminal(ending.status);
    const changes: RecordChanges = {
      status: ending.status,
      exitCode: end.exitCode,
      failure: end.failure,
      digest: end.digest,
      retryAt: ending.retryAt,
      ...(terminal ? { finishedAt: now } : { nextAttempt: run.attempt + 1 }),
    };
    const batching = { closes: terminal, knownCancel: known.cancelRequestedAt, changes };
    const { code } = await writer.append(ending.drafts, batching, signal);
    if (code === 'OK') return;
  }
};

const masked = (end: AttemptEnd, mask: (text: string) => string): AttemptEnd =>
  end.failure === null ? end : { ...end, failure: { ...end.failure, message: mask(end.failure.message) } };
