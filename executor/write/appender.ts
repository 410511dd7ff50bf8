import type { Redis } from 'ioredis';
import { abortable } from '../../src/async/abortable.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import { type AppendReply, type AppendRequest, appendBatch, type SealedBatch } from '../../src/wire/append.ts';
import { compactTail, mergeBatches } from '../../src/wire/compact.ts';
import { controlChannel, recordKey } from '../../src/wire/keys.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import { retryRedis } from '../redis/retryRedis.ts';
import { LogLost } from './logLost.ts';

/** The outbox' part that storing again needs. */
interface KeptBatches {
  keptAfter(lastSeq: number): readonly SealedBatch[];
}

export interface AppenderOptions {
  readonly redis: Redis;
  /** The record at the claim. */
  readonly run: RunRecord;
  /** The newest batches that were stored before. */
  readonly stored: readonly SealedBatch[];
  readonly kept: KeptBatches;
  /** Called for each reply: every one carries the run's cancel. */
  readonly onReply: (reply: AppendReply) => void;
  /** Called when Redis turns out to have lost events. */
  readonly onBehind: () => void;
}

/**
 * Stores batches, one at a time, and stores again what Redis has lost. All calls wait while Redis is away, reject with
 * a LogLost once the log is lost, and with the signal's reason.
 */
export class Appender {
  readonly #options: AppenderOptions;
  #storedSeq: number;
  #dropped: number;
  /** The changes of the record by all stored batches. */
  #state: RecordChanges = {};

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#storedSeq = options.run.lastSeq;
    this.#dropped = options.run.dropped;
    for (const batch of options.stored) this.#state = { ...this.#state, ...batch.changes };
  }

  /** Seq of the newest event that Redis has acknowledged. */
  get storedSeq(): number {
    return this.#storedSeq;
  }
  /** Lines that the log's budget has dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Answers OK, or CANCEL if nothing was stored. */
  async store(batch: SealedBatch, signal: AbortSignal): Promise<AppendReply> {
    for (;;) {
      const reply = await this.#send(batch, signal);
      if (reply.code === 'OK') {
        this.#storedSeq = batch.firstSeq + batch.count - 1;
        this.#state = { ...this.#state, ...batch.changes };
      }
      if (reply.code === 'OK' || reply.code === 'CANCEL') return reply;
      if (reply.code !== 'BEHIND') throw new LogLost(reply.code);
      await this.#storeAgain(reply.lastSeq, signal);
    }
  }

  /** Stores again what the record shows to be lost. */
  async restoreLost(signal: AbortSignal): Promise<void> {
    const { redis, run } = this.#options;
    const lastSeq = await retryRedis(() => redis.hget(recordKey(run.id), 'lastSeq'), signal);
    if (lastSeq === null) throw new LogLost('GONE');
    await this.#storeAgain(Number(lastSeq), signal);
  }

  /** Replaces stored batches by one. It only saves memory of Redis, so it is tried once and failures are ignored. */
  async compact(batches: readonly SealedBatch[], signal: AbortSignal): Promise<void> {
    const { redis, run } = this.#options;
    const { id, term, writer } = run;
    try {
      const request = { term, writer, entries: batches.length, ...mergeBatches(batches.map(({ batch }) => batch)) };
      await abortable(compactTail(redis, id, request), signal);
    } catch {
      signal.throwIfAborted();
    }
  }

  /**
   * Redis lost what follows `lastSeq`. The kept batches are stored again under the same seqs. If older ones are not
   * kept any more, the first batch leaves a hole, for which readers get a LinesDropped, and restores the record's state.
   */
  async #storeAgain(lastSeq: number, signal: AbortSignal): Promise<void> {
    const { kept, onBehind } = this.#options;
    onBehind();
    const lost = kept.keptAfter(lastSeq);
    if (lost.length === 0 && lastSeq < this.#storedSeq) throw new LogLost('BEHIND');
    // Without knownCancel: these batches were accepted once, whatever cancel came since.
    for (const [at, { knownCancel: _, ...batch }] of lost.entries()) {
      const leavesHole = at === 0 && batch.firstSeq > lastSeq + 1;
      const restored = { acrossLoss: batch.before, changes: { ...this.#state, ...batch.changes } };
      const { code } = await this.#send(leavesHole ? { ...batch, ...restored } : batch, signal);
      // Redis lost events once more. The next append shows how many.
      if (code === 'BEHIND') return;
      if (code !== 'OK') throw new LogLost(code);
    }
  }

  async #send(
    batch: Omit<AppendRequest, 'term' | 'writer' | 'changesChannel'>,
    signal: AbortSignal,
  ): Promise<AppendReply> {
    const { redis, run, onReply } = this.#options;
    const { id, term, writer } = run;
    const request = { ...batch, term, writer, changesChannel: controlChannel(id) };
    const reply = await retryRedis(() => appendBatch(redis, id, request), signal);
    this.#dropped = Math.max(this.#dropped, reply.dropped);
    onReply(reply);
    return reply;
  }
}
