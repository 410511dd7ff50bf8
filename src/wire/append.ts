/**
 * The writer's side of a run's log (PROTOCOL.md, part 4): become the writer, append, be told why not.
 * Supervisor, API and executor write through this and nothing else.
 */
import type { EpochMs, Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { RunRecord, RunStatus } from '../domain/run.ts';
import { logChannel, logKey, recordKey } from './keys.ts';
import { pairsToFields, parseRecord, type RecordChanges, recordFields } from './runRecord.ts';
import { Script, type ScriptRedis } from './scripts/script.ts';
import { APPEND, CLAIM } from './scripts/writeScripts.ts';

const append = new Script(APPEND);
const claim = new Script(CLAIM);

export interface AppendRequest {
  readonly term: number;
  /** Unique per claim, so that two writers of one term (after Redis lost its tail) are told apart. */
  readonly writer: string;
  readonly firstSeq: Seq;
  readonly count: number;
  readonly batch: Buffer;
  readonly lines: number;
  readonly messageBytes: number;
  readonly closes: boolean;
  /**
   * The cancel that the writer knows of (null: none). A batch that must not overlook a cancel (a status,
   * an end) is refused with CANCEL where the record has another; undefined: the batch does not care.
   */
  readonly knownCancel?: EpochMs | null;
  /**
   * The store lost more than the writer has at hand: the batch may begin beyond lastSeq + 1, and readers get a
   * LinesDropped (STORE_LOST) for what is between. These are the totals of the whole log before the batch.
   */
  readonly acrossLoss?: LogTotals;
  readonly changes: RecordChanges;
}

/** Lines of a log and the UTF-8 bytes of their messages, lost and dropped ones included. */
export interface LogTotals {
  readonly lines: number;
  readonly bytes: number;
}

/** An append that is complete but for the claim it is made under. */
export type SealedBatch = Omit<AppendRequest, 'term' | 'writer' | 'acrossLoss'> & {
  /** Of the whole log before it. */
  readonly before: LogTotals;
};

/**
 * - OK: stored, or stored before by this same writer (a repeated call after a lost reply).
 * - FENCED: another writer has the log; stop writing, for good.
 * - CLOSED: the run has its RunFinished.
 * - BEHIND: Redis is at lastSeq, earlier than firstSeq - 1: it lost its tail. Send again what follows lastSeq, or
 *   what is left of it with `acrossLoss`.
 * - CANCEL: somebody asked for a cancel that this writer has not heard of; nothing was stored.
 * - GONE: the run is not there (removed, or Redis was wiped).
 */
export type AppendCode = 'OK' | 'FENCED' | 'CLOSED' | 'BEHIND' | 'CANCEL' | 'GONE';

export interface AppendReply {
  readonly code: AppendCode;
  readonly lastSeq: Seq;
  /** Lines that the log's budget has taken from the middle so far. */
  readonly dropped: number;
  readonly cancelRequestedAt: EpochMs | null;
  readonly cancelForce: boolean;
}

/** Appends one batch; safe to repeat. @throws what the connection or Redis throws (out of memory, read-only, …) */
export const appendBatch = async (redis: ScriptRedis, runId: RunId, request: AppendRequest): Promise<AppendReply> => {
  const known = request.knownCancel;
  const reply = (await append.run(
    redis,
    [recordKey(runId), logKey(runId)],
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
  /** The attempt that the claim is for: the next one of a PENDING run, the present one of another; null: any. */
  readonly attempt: number | null;
  readonly statuses: readonly RunStatus[];
  /** Claim only from the writer with this term. */
  readonly fromTerm?: number;
}

/** OK: the record as it is now, `term` and `writer` the caller's. REFUSED: the run is in no such state. */
export type ClaimReply =
  | { readonly code: 'OK' | 'REFUSED'; readonly run: RunRecord; readonly redisNow: EpochMs }
  | { readonly code: 'GONE' };

/** Becomes the writer of the run's log; safe to repeat with the same writer. @throws as appendBatch */
export const claimLog = async (redis: ScriptRedis, runId: RunId, request: ClaimRequest): Promise<ClaimReply> => {
  const reply = (await claim.run(
    redis,
    [recordKey(runId), logKey(runId)],
    [request.writer, request.attempt ?? 0, request.statuses.join(','), request.fromTerm ?? ''],
  )) as [string, number, ...unknown[]];
  const [code, redisNow, ...pairs] = reply;
  const run = parseRecord(pairsToFields(pairs));
  if (code === 'GONE' || run === null) return { code: 'GONE' };
  return { code: code === 'OK' ? 'OK' : 'REFUSED', run, redisNow };
};
