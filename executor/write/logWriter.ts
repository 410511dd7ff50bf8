/**
 * Writes events to the run's log in batches. One append is in flight at a time. A single line is sent at once; lines
 * that come meanwhile gather, so batches grow under load. What Redis has not acknowledged is bounded in bytes (policy:
 * block): `onPressure(true)` asks the owner to stop reading the pipes, `onPressure(false)` to go on.
 */
import type { Hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { EpochMs, EventDraft } from '../../src/domain/events.ts';
import type { RunRecord } from '../../src/domain/run.ts';
import type { AppendCode, AppendReply, SealedBatch } from '../../src/wire/append.ts';
import type { LogIndex } from '../../src/wire/logIndex/logIndex.ts';
import type { OutputSink, PipeStream } from '../output/sink.ts';
import { Appender } from './appender.ts';
import { Gatherer } from './gatherer.ts';
import { LogLost } from './logLost.ts';
import { Outbox } from './outbox.ts';
import { SmallBatches } from './smallBatches.ts';

/** What is known of the log at the claim. */
export interface ClaimedLog {
  readonly run: RunRecord;
  /** The newest stored batches, oldest first. */
  readonly stored: readonly SealedBatch[];
  /** Digest of this attempt's stored lines; null if it is not known. Default: there are none. */
  readonly digest?: Hash | null;
  /** Of the log; null if it is not known, then none is kept. */
  readonly index?: LogIndex | null;
}

export interface LogWriterEvents {
  /** Called for each reply of Redis. */
  onReply(reply: AppendReply): void;
  onPressure(full: boolean): void;
}

export class LogWriter implements OutputSink {
  readonly #events: LogWriterEvents;
  readonly #gatherer: Gatherer;
  readonly #outbox: Outbox;
  readonly #smallBatches: SmallBatches;
  readonly #appender: Appender;
  readonly #lost = new AbortController();
  #waiters: (() => void)[] = [];
  /** True from when an append is due until nothing waits any more. */
  #busy = false;
  #full = false;
  #maxBytes: number;

  /** `bufferBytes`: bound of the batches that wait, and again of the stored ones that are kept. */
  constructor(redis: Redis, { run, stored, digest, index }: ClaimedLog, bufferBytes: number, events: LogWriterEvents) {
    this.#maxBytes = bufferBytes;
    this.#outbox = new Outbox(bufferBytes);
    this.#smallBatches = new SmallBatches(run.maxLogBytes);
    this.#events = events;
    this.#gatherer = new Gatherer(run, (batch) => this.#outbox.add(batch), digest, index);
    this.#appender = new Appender({
      redis,
      run,
      stored,
      kept: this.#outbox,
      onReply: (reply) => events.onReply(reply),
      onBehind: () => {
        this.#smallBatches.clear();
        this.#gatherer.restoreIndex();
      },
    });
    for (const batch of stored) this.#outbox.keep(batch, performance.now());
  }

  /** Aborts with a LogLost when this executor can't write to the log any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  /** Seq of the newest event that Redis has acknowledged. */
  get storedSeq(): number {
    return this.#appender.storedSeq;
  }
  /** Totals of the whole log, over all attempts. Includes what is not stored yet. */
  get totals(): { readonly lines: number; readonly bytes: number; readonly dropped: number } {
    return { ...this.#gatherer.totals, dropped: this.#appender.dropped };
  }
  /** See Gatherer.digest. */
  get digest(): string | null {
    return this.#gatherer.digest;
  }

  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    this.#gatherer.lines(stream, timestamp, text, count);
    this.#updatePressure();
    this.#wake();
  }

  event(draft: EventDraft): void {
    this.#gatherer.event(draft);
    this.#updatePressure();
    this.#wake();
  }

  /** See Gatherer.endGroups. */
  endGroups(mask: (text: string) => string): void {
    this.#gatherer.endGroups(Date.now(), mask);
  }

  /** See Gatherer.reportRefused. */
  reportRefused(): void {
    this.#gatherer.reportRefused(Date.now());
  }

  /** Raises the bound by what pipes can still hold when the command is gone: reading that must not wait for Redis. */
  raiseBound(bytes: number): void {
    this.#maxBytes += bytes;
    if (this.#full && this.#unacknowledged <= this.#maxBytes) this.#setFull(false);
  }

  /** The record shows that this executor no longer has the log. */
  setLost(code: AppendCode): void {
    this.#lost.abort(new LogLost(code));
  }

  /** Resolves when all that was added is stored. @throws LogLost */
  async flush(): Promise<void> {
    while (this.#hasWork() || this.#busy) {
      this.#lost.signal.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiters.push(resolve);
      this.#wake();
      await promise;
    }
    this.#lost.signal.throwIfAborted();
  }

  /**
   * Stores the drafts, which are not lines, as a batch of their own, after all that was added before. Nothing may be
   * added until it resolves: with OK, or with CANCEL if nothing was stored. @throws LogLost, or the signal's reason
   */
  async append(
    drafts: readonly EventDraft[],
    batching: Pick<SealedBatch, 'closes' | 'changes'> & { readonly knownCancel: EpochMs | null },
    signal: AbortSignal,
  ): Promise<AppendReply> {
    await this.flush();
    this.#busy = true;
    try {
      const batch = this.#gatherer.sealSeparately(drafts, batching);
      const reply = await this.#appender.store(batch, AbortSignal.any([signal, this.#lost.signal]));
      if (reply.code === 'OK') {
        this.#gatherer.commit(batch);
        this.#outbox.keep(batch, performance.now());
      }
      return reply;
    } finally {
      this.#rest();
    }
  }

  /** Call it when Redis shows less than `storedSeq`: it lost events. Stores them again. */
  restoreLost(): void {
    if (this.#busy || this.#lost.signal.aborted) return;
    this.#busy = true;
    this.#work(() => this.#appender.restoreLost(this.#lost.signal));
  }

  #hasWork(): boolean {
    return this.#gatherer.count > 0 || this.#outbox.peek() !== undefined;
  }

  #updatePressure(): void {
    const full = this.#unacknowledged > (this.#full ? this.#maxBytes / 2 : this.#maxBytes);
    if (full !== this.#full) this.#setFull(full);
  }

  get #unacknowledged(): number {
    return this.#outbox.waitingBytes + this.#gatherer.size;
  }

  #setFull(full: boolean): void {
    this.#full = full;
    this.#events.onPressure(full);
  }

  /** Starts sending in the next turn of the event loop, so that what this turn reads becomes one batch. */
  #wake(): void {
    if (this.#busy || this.#lost.signal.aborted) return;
    this.#busy = true;
    setImmediate(() => this.#work(() => this.#send()));
  }

  #work(stage: () => Promise<void>): void {
    stage()
      .catch((error: unknown) => this.#lost.abort(error))
      .finally(() => this.#rest());
  }

  #rest(): void {
    this.#busy = false;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
    if (this.#hasWork()) this.#wake();
  }

  async #send(): Promise<void> {
    for (let sent = 0; ; sent += 1) {
      // Lines that came during a round trip belong to a flood, so more are to come.
      if (this.#outbox.peek() === undefined) this.#gatherer.seal(sent > 0);
      const batch = this.#outbox.peek();
      const isDue = this.#smallBatches.isDue(batch);
      if (isDue) await this.#appender.compact(this.#smallBatches.take(), this.#lost.signal);
      if (batch === undefined) {
        // Lines can have come while the log was compacted.
        if (isDue) continue;
        return;
      }
      await this.#appender.store(batch, this.#lost.signal);
      this.#smallBatches.add(batch);
      this.#outbox.acknowledge(performance.now());
      this.#updatePressure();
    }
  }
}
