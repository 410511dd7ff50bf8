/** Writes to one run's log under one claim, for the supervisor: few and small batches. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { EpochMs, EventDraft, Seq } from '../../domain/events.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunRecord } from '../../domain/run.ts';
import { persist } from '../../redis/wait.ts';
import {
  type AppendCode,
  type AppendRequest,
  appendBatch,
  type ClaimRequest,
  claimLog,
  type LogTotals,
} from '../../wire/append.ts';
import { BatchBuilder } from '../../wire/batchBuilder.ts';
import { indexKey } from '../../wire/keys.ts';
import type { IndexedGroup } from '../../wire/logIndex/groups.ts';
import type { LogIndex } from '../../wire/logIndex/logIndex.ts';
import { claimedIndex } from '../../wire/logIndex/readIndex.ts';
import type { RecordChanges } from '../../wire/runRecord.ts';
import { repairRecord } from '../records/repair.ts';

export interface WriterContext {
  readonly redis: Redis;
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'warn'>;
}

export type WriteCode = Exclude<AppendCode, 'BEHIND'>;

/** The end of a log as it was seen. */
export interface LogExtent extends LogTotals {
  readonly lastSeq: Seq;
}

export interface WriteOptions {
  readonly attempt: number;
  readonly changes: RecordChanges;
  readonly closes?: boolean;
  /** As AppendRequest.knownCancel: null: no cancel is known; undefined: it does not matter. */
  readonly knownCancel?: EpochMs | null;
}

export type Claimed =
  | { readonly code: 'OK'; readonly writer: RunWriter; readonly run: RunRecord }
  | { readonly code: 'REFUSED'; readonly run: RunRecord }
  | { readonly code: 'GONE' };

/**
 * Becomes the writer of a run's log. Repeats while Redis is away, under the same name, so a lost reply does no harm.
 * @throws the signal's reason
 */
export const claimRun = async (
  context: WriterContext,
  runId: RunId,
  request: Omit<ClaimRequest, 'writer'>,
): Promise<Claimed> => {
  const name = `supervisor:${randomUUID()}`;
  await persist(() => repairRecord(context, runId, 0), context.signal, context.log);
  const reply = await persist(
    () => claimLog(context.redis, runId, { ...request, writer: name }),
    context.signal,
    context.log,
  );
  if (reply.code === 'GONE') return reply;
  if (reply.code === 'REFUSED') return { code: 'REFUSED', run: reply.run };
  const index = await persist(
    () => claimedIndex(context.redis, indexKey(runId), reply.run, false),
    context.signal,
    context.log,
  );
  return { code: 'OK', run: reply.run, writer: new RunWriter(context, reply.run, index) };
};

/** The writer of one claim. Calls of `write` must not overlap. */
export class RunWriter {
  readonly #context: WriterContext;
  readonly #runId: RunId;
  readonly #term: number;
  readonly #name: string;
  #lastSeq: Seq;
  /** Of the whole log: what this claim writes has no lines. */
  #totals: LogTotals;
  /** All batches of this claim, for BEHIND: a supervisor writes about ten small ones. */
  readonly #sent: AppendRequest[] = [];
  /** Null if it is not known: then none is kept. */
  #index: LogIndex | null;

  constructor(context: WriterContext, claimed: RunRecord, index: LogIndex | null) {
    this.#index = index;
    this.#context = context;
    this.#runId = claimed.id;
    this.#term = claimed.term;
    this.#name = claimed.writer;
    this.#lastSeq = claimed.lastSeq;
    this.#totals = { lines: claimed.lines, bytes: claimed.bytes };
  }

  /**
   * For a log that was seen longer than it is now: Redis lost its newest entries, and nobody can write them again. Events
   * that viewers can have seen keep their seqs, and this writer continues after them. Call it before the first write.
   */
  goOnAfter(seen: LogExtent): void {
    if (seen.lastSeq <= this.#lastSeq) return;
    this.#lastSeq = seen.lastSeq;
    this.#index?.skipLines(Math.max(seen.lines - this.#totals.lines, 0));
    this.#totals = {
      lines: Math.max(seen.lines, this.#totals.lines),
      bytes: Math.max(seen.bytes, this.#totals.bytes),
    };
  }

  /** Groups that an executor of the attempt left open, outermost first. */
  openGroups(attempt: number): readonly IndexedGroup[] {
    return this.#index?.openGroups.filter((group) => group.attempt === attempt) ?? [];
  }

  /** Appends the events and changes the record in one step. Repeats while Redis is away. @throws the signal's reason */
  async write(drafts: readonly EventDraft[], options: WriteOptions): Promise<WriteCode> {
    const firstSeq = this.#lastSeq + 1;
    const { attempt } = options;
    const builder = new BatchBuilder();
    for (const draft of drafts) builder.add(draft);
    const { count, facts } = builder;
    const index = this.#index?.copy() ?? null;
    const update = index?.add({ firstSeq, count, attempt, facts });
    const request: AppendRequest = {
      term: this.#term,
      writer: this.#name,
      firstSeq,
      count,
      batch: builder.seal(firstSeq, attempt),
      lines: 0,
      messageBytes: 0,
      closes: options.closes ?? false,
      ...(options.knownCancel === undefined ? {} : { knownCancel: options.knownCancel }),
      changes: options.changes,
      index: update,
    };
    const code = await this.#send(request);
    if (code !== 'OK') return code;
    this.#lastSeq += count;
    this.#index = index;
    this.#sent.push(request);
    return code;
  }

  async #send(request: AppendRequest): Promise<WriteCode> {
    for (;;) {
      const reply = await this.#append(request);
      if (reply.code !== 'BEHIND') return reply.code;
      // Entries of earlier writers stay lost: readers get a LinesDropped, and their seqs are not used again.
      const lost = this.#sent.filter((one) => one.firstSeq > reply.lastSeq);
      const across = (one: AppendRequest): AppendRequest =>
        one.firstSeq > reply.lastSeq + 1 ? { ...one, acrossLoss: this.#totals } : one;
      const [first, ...rest] = lost;
      if (first === undefined) {
        const { code } = await this.#append(across(request));
        if (code !== 'BEHIND') return code;
        continue;
      }
      for (const one of [across(first), ...rest]) {
        // Without the check for a cancel: the batch was accepted before, and must be stored again under its seqs.
        const { knownCancel: _, ...again } = one;
        const { code } = await this.#append(again);
        if (code === 'BEHIND') break;
        if (code !== 'OK') return code;
      }
    }
  }

  #append(request: AppendRequest): ReturnType<typeof appendBatch> {
    const { redis, signal, log } = this.#context;
    return persist(() => appendBatch(redis, this.#runId, request), signal, log);
  }
}
