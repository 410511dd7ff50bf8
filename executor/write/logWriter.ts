/**
 * Stage 5: brings what the command's output became into the log, batch by batch.
 *
 * One append is under way at a time. A lone line leaves at once; what comes meanwhile gathers, so batches
 * grow by themselves. What Redis has not acknowledged is bounded: `onPressure(true)` asks for the pipes to
 * be paused (policy: block), `onPressure(false)` for their reading again.
 */
import type { Redis } from 'ioredis';
import { abortable } from '../../src/async/abortable.ts';
import type { EpochMs, EventDraft } from '../../src/domain/events.ts';
import type { SealedBatch } from '../../src/wire/append.ts';
import { type AppendCode, type AppendReply, type AppendRequest, appendBatch } from '../../src/wire/append.ts';
import { compactTail, mergeBatches } from '../../src/wire/compact.ts';
import { recordKey } from '../../src/wire/keys.ts';
import type { RecordChanges } from '../../src/wire/runRecord.ts';
import type { OutputSink, PipeStream } from '../output/sink.ts';
import { untilDone } from '../redis/untilDone.ts';
import type { Hello } from '../start/claim.ts';
import { Gatherer } from './gatherer.ts';
import { Outbox } from './outbox.ts';
import { Tail } from './smallBatches.ts';

/**
 * The log is not this executor's any more: another writer has it (FENCED), the run is over (CLOSED) or gone
 * (GONE), or Redis lost what was there before and nothing is at hand here (BEHIND).
 */
export class LogLost extends Error {
  override readonly name = 'LogLost';
  readonly code: AppendCode;
  constructor(code: AppendCode) {
    super(`the log is lost: ${code}`);
    this.code = code;
  }
}

export interface LogWriterEvents {
  /** Every answer of Redis tells of a cancel. */
  onReply(reply: AppendReply): void;
  onPressure(full: boolean): void;
}

export class LogWriter implements OutputSink {
  readonly #redis: Redis;
  readonly #run: Hello['run'];
  readonly #events: LogWriterEvents;
  readonly #gatherer: Gatherer;
  readonly #outbox: Outbox;
  readonly #tail: Tail;
  readonly #lost = new AbortController();
  #waiters: (() => void)[] = [];
  #storedSeq: number;
  /** Where the stored batches have brought the record, as far as they changed it. */
  #state: RecordChanges = {};
  #dropped: number;
  /** True from the moment on at which an append is due until nothing waits any more. */
  #busy = false;
  #full = false;
  #roomBytes: number;

  /** `bufferBytes`: of batches that wait, and again of batches that are kept. */
  constructor(
    redis: Redis,
    hello: Pick<Hello, 'run' | 'stored'> & Partial<Pick<Hello, 'earlier'>>,
    bufferBytes: number,
    events: LogWriterEvents,
  ) {
    this.#redis = redis;
    this.#roomBytes = bufferBytes;
    this.#outbox = new Outbox(bufferBytes);
    this.#tail = new Tail(hello.run.maxLogBytes);
    this.#run = hello.run;
    this.#events = events;
    this.#gatherer = new Gatherer(hello.run, (batch) => this.#outbox.add(batch), hello.earlier);
    this.#storedSeq = hello.run.lastSeq;
    this.#dropped = hello.run.dropped;
    for (const batch of hello.stored) {
      this.#state = { ...this.#state, ...batch.changes };
      this.#outbox.keep(batch, performance.now());
    }
  }

  /** Aborted, with a LogLost, once the log is not this executor's any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  /** seq of the newest event that Redis has acknowledged. */
  get storedSeq(): number {
    return this.#storedSeq;
  }
  /** Of the whole log, over all attempts, what is not yet stored included. */
  get totals(): { readonly lines: number; readonly bytes: number; readonly dropped: number } {
    return { ...this.#gatherer.totals, dropped: this.#dropped };
  }
  /** See Gatherer.digest. */
  get digest(): string | null {
    return this.#gatherer.digest;
  }

  lines(stream: PipeStream, timestamp: EpochMs, text: Buffer, count: number): void {
    this.#gatherer.lines(stream, timestamp, text, count);
    this.#feelPressure();
    this.#wake();
  }

  event(draft: EventDraft): void {
    this.#gatherer.event(draft);
    this.#feelPressure();
    this.#wake();
  }

  /** See Gatherer.tellRefused. */
  tellRefused(): void {
    this.#gatherer.tellRefused(Date.now());
  }

  /** Room for what is left in the pipes once the command is gone: that must not wait for Redis. */
  widen(bytes: number): void {
    this.#roomBytes += bytes;
    if (this.#full && this.#unacknowledged <= this.#roomBytes) this.#setFull(false);
  }

  /** The record says that the log is not ours any more. */
  lose(code: AppendCode): void {
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
   * Stores the drafts, none of them a line, as a batch of their own, after all that was added before; nothing
   * may be added until it answers. Answers OK, or CANCEL with nothing stored.
   * @throws LogLost, or `signal`'s reason
   */
  async append(
    drafts: readonly EventDraft[],
    batching: Pick<SealedBatch, 'closes' | 'changes'> & { readonly knownCancel: EpochMs | null },
    signal: AbortSignal,
  ): Promise<AppendReply> {
    await this.flush();
    this.#busy = true;
    try {
      const batch = this.#gatherer.alone(drafts, batching);
      const reply = await this.#store(batch, AbortSignal.any([signal, this.#lost.signal]));
      if (reply.code === 'OK') {
        this.#gatherer.took(batch);
        this.#outbox.keep(batch, performance.now());
      }
      return reply;
    } finally {
      this.#rest();
    }
  }

  /** Redis was seen before `storedSeq`, though it had acknowledged that: it lost its tail. Puts it back. */
  mend(): void {
    if (this.#busy || this.#lost.signal.aborted) return;
    this.#busy = true;
    this.#work(async () => await this.#putBack(await this.#askLastSeq()));
  }

  #hasWork(): boolean {
    return this.#gatherer.count > 0 || this.#outbox.peek() !== undefined;
  }

  #feelPressure(): void {
    const full = this.#unacknowledged > (this.#full ? this.#roomBytes / 2 : this.#roomBytes);
    if (full !== this.#full) this.#setFull(full);
  }

  get #unacknowledged(): number {
    return this.#outbox.waitingBytes + this.#gatherer.size;
  }

  #setFull(full: boolean): void {
    this.#full = full;
    this.#events.onPressure(full);
  }

  /** What one turn of the event loop reads goes into one batch. */
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
      // What has come during a round trip is a flood's, and more of it is on its way.
      if (this.#outbox.peek() === undefined) this.#gatherer.seal(sent > 0);
      const batch = this.#outbox.peek();
      const compact = this.#tail.isDue(batch);
      if (compact) await this.#compact();
      if (batch === undefined) {
        // Lines may have come meanwhile.
        if (compact) continue;
        return;
      }
      await this.#store(batch, this.#lost.signal);
      this.#tail.add(batch);
      this.#outbox.acknowledge(performance.now());
      this.#feelPressure();
    }
  }

  /** Only saves memory of Redis, so it is tried once: refused or failed, the entries stay small until the run's end. */
  async #compact(): Promise<void> {
    const { id, term, writer } = this.#run;
    const batches = this.#tail.take();
    try {
      const request = { term, writer, entries: batches.length, ...mergeBatches(batches.map(({ batch }) => batch)) };
      await abortable(compactTail(this.#redis, id, request), this.#lost.signal);
    } catch {
      this.#lost.signal.throwIfAborted();
    }
  }

  async #store(batch: SealedBatch, signal: AbortSignal): Promise<AppendReply> {
    for (;;) {
      const reply = await this.#try(batch, signal);
      if (reply.code === 'OK') {
        this.#storedSeq = batch.firstSeq + batch.count - 1;
        this.#state = { ...this.#state, ...batch.changes };
      }
      if (reply.code === 'OK' || reply.code === 'CANCEL') return reply;
      if (reply.code !== 'BEHIND') throw new LogLost(reply.code);
      await this.#putBack(reply.lastSeq);
    }
  }

  /**
   * Redis lost what follows `lastSeq`: the same batches go there again, under the same seqs. What is no more at
   * hand is a hole before them, which readers are told of; the record is brought where it was.
   */
  async #putBack(lastSeq: number): Promise<void> {
    this.#tail.clear();
    const lost = this.#outbox.keptAfter(lastSeq);
    if (lost.length === 0 && lastSeq < this.#storedSeq) throw new LogLost('BEHIND');
    for (const [at, { knownCancel: _, ...batch }] of lost.entries()) {
      // The cancels that the batch knew of, or not, are past: what matters is its place.
      const hole = at === 0 && batch.firstSeq > lastSeq + 1;
      const across = { acrossLoss: batch.before, changes: { ...this.#state, ...batch.changes } };
      const { code } = await this.#try(hole ? { ...batch, ...across } : batch, this.#lost.signal);
      // It lost its tail once more: the next append tells how far.
      if (code === 'BEHIND') return;
      if (code !== 'OK') throw new LogLost(code);
    }
  }

  async #askLastSeq(): Promise<number> {
    const lastSeq = await untilDone(() => this.#redis.hget(recordKey(this.#run.id), 'lastSeq'), this.#lost.signal);
    if (lastSeq === null) throw new LogLost('GONE');
    return Number(lastSeq);
  }

  async #try(batch: Omit<AppendRequest, 'term' | 'writer'>, signal: AbortSignal): Promise<AppendReply> {
    const { id, term, writer } = this.#run;
    const reply = await untilDone(() => appendBatch(this.#redis, id, { ...batch, term, writer }), signal);
    this.#dropped = Math.max(this.#dropped, reply.dropped);
    this.#events.onReply(reply);
    return reply;
  }
}
