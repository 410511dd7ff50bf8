/**
 * The writer's side of a run's log (PROTOCOL.md, part 4): become the writer, append, and show that the writer is alive.
 * Supervisor, API and executor write through this file only.
 */
import type { EpochMs, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { RunRecord, RunStatus } from '../domain/run.ts';
import { indexKey, logChannel, logKey, recordKey, UPDATES_CHANNEL } from './keys.ts';
import type { IndexUpdate } from './logIndex/logIndex.ts';
import { wholeFields } from './record/fixedFields.ts';
import { pairsToFields, parseRecord, type RecordChanges, recordFields } from './runRecord.ts';
import { Script, type ScriptRedis } from './scripts/script.ts';
import { APPEND, BEAT, CLAIM } from './scripts/writeScripts.ts';

const append = new Script(APPEND);
const claim = new Script(CLAIM);
const beat = new Script(BEAT);

export interface AppendRequest {
  readonly term: number;
  /** Unique for each claim: two writers can have the same term after Redis lost its tail. */
  readonly writer: string;
  readonly firstSeq: Seq;
  readonly count: number;
  readonly batch: Buffer;
  readonly lines: number;
  readonly messageBytes: number;
  readonly closes: boolean;
  /**
   * The cancel that the writer knows of (null: none). If the record has another one, the batch is refused with CANCEL.
   * Undefined for a batch that is stored in any case; a status or an end must not overlook a cancel.
   */
  readonly knownCancel?: EpochMs | null;
  /**
   * The store lost more than the writer still has: the batch can begin beyond lastSeq + 1, and readers get a LinesDropped
   * (STORE_LOST) for the gap. These are the totals of the whole log before the batch.
   */
  readonly acrossLoss?: LogTotals;
  readonly changes: RecordChanges;
  /** Where a change of the record is announced; default: run_updates, for which executors have no right. */
  readonly changesChannel?: string;
  /** What the batch changes in the log's index. Undefined if the writer does not know the index. */
  readonly index?: IndexUpdate | undefined;
}

/** Lines of a log and the UTF-8 bytes of their messages, with lost and dropped ones. */
export interface LogTotals {
  readonly lines: number;
  readonly bytes: number;
}

/** An append without its claim. */
export type SealedBatch = Omit<AppendRequest, 'term' | 'writer' | 'acrossLoss' | 'changesChannel'> & {
  /** Totals of the whole log before the batch. */
  readonly before: LogTotals;
};

/**
 * - OK: stored, or stored before by the same writer (a repeated call after a lost reply).
 * - FENCED: another writer has the log. Stop writing.
 * - CLOSED: the run has its RunFinished.
 * - BEHIND: Redis is at lastSeq, before firstSeq - 1: it lost its tail. Send again what follows lastSeq, or the rest of it
 *   with `acrossLoss`.
 * - CANCEL: there is a cancel that this writer does not know of. Nothing was stored.
 * - GONE: the run does not exist (removed, or Redis was wiped).
 */
export type AppendCode = 'OK' | 'FENCED' | 'CLOSED' | 'BEHIND' | 'CANCEL' | 'GONE';

export interface AppendReply {
  readonly code: AppendCode;
  readonly lastSeq: Seq;
  /** Lines that the log's budget has dropped so far. */
  readonly dropped: number;
  readonly cancelRequestedAt: EpochMs | null;
  readonly cancelForce: boolean;
}

/** Appends one batch; safe to repeat. @throws what the connection or Redis throws (out of memory, read-only, …) */
export const appendBatch = async (redis: ScriptRedis, runId: RunId, request: AppendRequest): Promise<AppendReply> => {
  const known = request.knownCancel;
  const reply = (await append.run(
    redis,
    [recordKey(runId), logKey(runId), indexKey(runId)],
    [
      request.term,
      request.writer,
      request.firstSeq,
      request.count,
      request.batch,
      request.lines,
      request.messageBytes,
      logChannel(runId),
      request.closes ? '1' : '0',
      known === undefined ? '*' : (known ?? ''),
      request.acrossLoss?.lines ?? '',
      request.acrossLoss?.bytes ?? '',
      request.changesChannel ?? UPDATES_CHANNEL,
      request.index?.state ?? '',
      request.index?.fields.length ?? 0,
      ...(request.index?.fields ?? []),
      ...recordFields(request.changes),
    ],
  )) as [AppendCode, number, number, string, string];
  return {
    code: reply[0],
    lastSeq: reply[1],
    dropped: reply[2],
    cancelRequestedAt: reply[3] === '' ? null : Number(reply[3]),
    cancelForce: reply[4] === '1',
  };
};

export interface ClaimRequest {
  readonly writer: string;
  /** The attempt that the claim is for: the next one of a PENDING run, otherwise the present one. Null: any. */
  readonly attempt: number | null;
  readonly statuses: readonly RunStatus[];
  /** Claim only if this is the present term. */
  readonly fromTerm?: number;
  /** Claim only if the attempt is to be executed on this engine (RunRecord.engine). */
  readonly engine?: string | null;
}

/** OK: the record with the caller's `term` and `writer`. REFUSED: the run has another status, attempt, term or engine. */
export type ClaimReply =
  | { readonly code: 'OK' | 'REFUSED'; readonly run: RunRecord; readonly redisNow: EpochMs }
  | { readonly code: 'GONE' };

/** Makes the caller the writer of the run's log; safe to repeat with the same writer. @throws as appendBatch */
export const claimLog = async (redis: ScriptRedis, runId: RunId, request: ClaimRequest): Promise<ClaimReply> => {
  const reply = (await claim.run(
    redis,
    [recordKey(runId), logKey(runId)],
    [request.writer, request.attempt ?? 0, request.statuses.join(','), request.fromTerm ?? '', request.engine ?? ''],
  )) as [string, number, (readonly string[])?, (readonly string[])?];
  const [code, redisNow, record = [], fixed = []] = reply;
  const run = parseRecord(wholeFields(pairsToFields(record), pairsToFields(fixed)), runId);
  if (code === 'GONE' || run === null) return { code: 'GONE' };
  return { code: code === 'OK' ? 'OK' : 'REFUSED', run, redisNow };
};

/**
 * Shows in the run's record that the log's writer is alive. Does nothing if another one has the log, or if the run is gone.
 * Safe to repeat. @throws what the connection or Redis throws
 */
export const showAlive = async (
  redis: ScriptRedis,
  runId: RunId,
  { term, writer }: { readonly term: number; readonly writer: string },
): Promise<void> => {
  await beat.run(redis, [recordKey(runId)], [term, writer]);
};
