/** Stage 6, the last word: AttemptFinished and what follows it, as one batch of its own. */
import { endingBatch } from '../../src/domain/end.ts';
import type { AttemptEnd, RunRecord, RunStatus } from '../../src/domain/run.ts';
import { isTerminal } from '../../src/domain/run.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import type { LogWriter } from '../write/logWriter.ts';
import { type Cancel, endOf, type Outcome } from './outcome.ts';

export interface LastWord {
  readonly run: RunRecord;
  /** The status before it. */
  readonly previous: RunStatus;
  readonly outcome: Outcome;
  /** Asks the record, and waits for its answer. */
  readonly readCancel: (signal: AbortSignal) => Promise<Cancel | null>;
  /** What the command may have put into a failure's text is masked. */
  readonly mask: (text: string) => string;
}

/**
 * Stores everything that is left and then the end; waits for Redis as long as it takes. A cancel that
 * came meanwhile is looked at, so that none is overlooked. @throws LogLost, or the signal's reason
 */
export const sayLastWord = async (writer: LogWriter, word: LastWord, signal: AbortSignal): Promise<void> => {
  const { run, outcome, mask } = word;
  writer.tellRefused();
  await writer.flush();
  for (;;) {
    const cancel = await word.readCancel(signal);
    const end = masked(endOf(outcome, cancel, run, writer.digest), mask);
    const now = Date.now();
    const known = { ...run, cancelRequestedAt: cancel?.at ?? null };
    const ending = endingBatch(known, run.attempt, word.previous, end, writer.totals, now);
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
