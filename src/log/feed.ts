/** One run's feed: gives facts to the reducer of domain/join.ts, does what it decides, and wakes the viewers. */
import type { Logger } from 'pino';
import { Latch } from '../async/latch.ts';
import { pause } from '../async/pause.ts';
import { retry } from '../async/retry.ts';
import type { RunId } from '../domain/ids.ts';
import { decideFeed, type FeedFact, type FeedState, newFeed, type RingBounds } from '../domain/join.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Announcements } from '../wire/announcements.ts';
import { logChannel } from '../wire/keys.ts';
import { isReply } from '../wire/takesWrites.ts';
import { StoredEntry } from './entry.ts';
import type { KnownEntries } from './knownEntries.ts';
import type { LogPosition } from './reader.ts';

const RING: RingBounds = { entries: LIMITS.ringEntries, bytes: LIMITS.ringBytes };
/** Milliseconds between requests that did not close a gap: short ones for a late reply, then a second for a lost tail. */
const ASK_AGAIN_MS = [0, 10, 50, 250, 1000] as const;
const askAgainMs = (tries: number): number => ASK_AGAIN_MS[Math.min(tries, ASK_AGAIN_MS.length - 1)] ?? 1000;

/**
 * While lines keep coming and several viewers follow, they are woken at most this often, milliseconds. Each message then
 * has more lines, and costs less per line. A line after a pause is sent at once.
 */
const WAKE_WINDOW_MS = { least: 3, most: 10 } as const;
/** The window as a multiple of the time that it takes to serve all woken viewers, so that half of the process is free. */
const WINDOW_PER_WAVE = 2;

export interface FeedOptions {
  readonly announcements: Announcements;
  readonly logger: Logger;
  readonly known: KnownEntries;
  /** The position of the stored log, requested after this call. */
  ask(signal: AbortSignal): Promise<LogPosition | null>;
}

export interface ChangeWait {
  readonly changed: Promise<void>;
  stop(reason: unknown): void;
}
const CHANGED: ChangeWait = { changed: Promise.resolve(), stop: () => undefined };

export class Feed {
  readonly runId: RunId;
  viewers = 0;
  readonly #options: FeedOptions;
  readonly #known = new Latch();
  readonly #closing = new AbortController();
  #state: FeedState<StoredEntry> = newFeed();
  #version = 0;
  #waiting = new Set<() => void>();
  #fruitless = 0;
  #wokenAt = 0;
  #windowMs: number = WAKE_WINDOW_MS.least;
  #wakeTimer: NodeJS.Timeout | null = null;

  constructor(runId: RunId, options: FeedOptions) {
    this.runId = runId;
    this.#options = options;
    this.#start().then(
      () => this.#known.open(),
      (error: unknown) => this.#known.fail(error),
    );
  }

  get state(): FeedState<StoredEntry> {
    return this.#state;
  }

  /** Whether to request the position each second: not before it is known, and not for a run that has ended. */
  get asksRegularly(): boolean {
    return this.#state.head !== null && this.#state.end === null && !this.#state.gone;
  }

  /** Resolves when the position of the log is known, or that there is no log. Waits while Redis is away. @throws the signal's reason */
  known(signal: AbortSignal | null): Promise<void> {
    return this.#known.wait(signal);
  }

  /** Requests the position of the log. Waits while Redis is away. @throws the signal's reason */
  async refresh(signal: AbortSignal | null): Promise<void> {
    if (!this.asksRegularly) return;
    const either = signal === null ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    const stored = await this.#askUntilAnswered(either);
    signal?.throwIfAborted();
    if (!either.aborted) this.answered(stored);
  }

  answered(stored: LogPosition | null): void {
    this.#tell({ kind: 'answered', stored });
  }

  reconnected(): void {
    if (this.#state.head !== null) this.#tell({ kind: 'reconnected' });
  }

  /** A viewer's read was empty: the store's next reply wakes it, even if nothing has changed. */
  readInVain(): void {
    this.#tell({ kind: 'readInVain' });
  }

  /** The version to wait from. Take it before you read the state. */
  changed(): number {
    return this.#version;
  }

  /** Resolves when the state has changed since the version `mark`. `stop` rejects the wait with a reason. */
  waitForChange(mark: number): ChangeWait {
    if (this.#version !== mark) return CHANGED;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    return {
      changed: promise,
      stop: (reason) => {
        this.#waiting.delete(resolve);
        reject(reason);
      },
    };
  }

  /** Frees the Redis subscription at once, even one that is not confirmed yet. */
  close(): void {
    this.#closing.abort();
    if (this.#wakeTimer !== null) clearTimeout(this.#wakeTimer);
  }

  /** A finished run needs no subscription. Otherwise subscribe first, and read the position after the confirmation. */
  async #start(): Promise<void> {
    const { signal } = this.#closing;
    const stored = await this.#askUntilAnswered(signal);
    if (signal.aborted) return;
    if (stored === null || stored.closed) {
      this.answered(stored);
      return;
    }
    const { announcements } = this.#options;
    try {
      const channel = logChannel(this.runId);
      const unsubscribe = await announcements.subscribe(channel, (bytes) => this.#announced(bytes), signal);
      if (signal.aborted) unsubscribe();
      else signal.addEventListener('abort', unsubscribe, { once: true });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) return;
    const now = await this.#askUntilAnswered(signal);
    if (!signal.aborted) this.answered(now);
  }

  /** Null if there is no run, or if the signal has aborted. */
  async #askUntilAnswered(signal: AbortSignal): Promise<LogPosition | null> {
    const onFailure = (error: unknown): void => {
      // Errors of the connection are logged by the connection.
      const level = isReply(error) ? 'warn' : 'debug';
      this.#options.logger[level]({ err: error, runId: this.runId }, 'could not read the position of a log');
    };
    try {
      return await retry(() => this.#options.ask(signal), { signal, pauseMs: askAgainMs, onFailure });
    } catch {
      return null;
    }
  }

  #announced(bytes: Buffer): void {
    if (this.#state.end !== null) return;
    try {
      const entry = this.#options.known.of(this.runId, new StoredEntry(bytes));
      this.#tell({ kind: 'announced', entry });
    } catch (error) {
      // Anybody with the password can publish. The stream is the source of truth, so this does no harm.
      this.#options.logger.warn(
        { err: error, runId: this.runId },
        'ignored an announcement that is not a batch of events',
      );
    }
  }

  #tell(fact: FeedFact<StoredEntry>): void {
    const { state, ask, wake } = decideFeed(this.#state, fact, RING);
    this.#state = state;
    if (wake) this.#wakeSoon(fact);
    if (ask) void this.#ask();
    else if (!state.asking) this.#fruitless = 0;
  }

  async #ask(): Promise<void> {
    const waitMs = askAgainMs(this.#fruitless);
    this.#fruitless += 1;
    // No promise for the usual case, in which there is nothing to wait for.
    if (waitMs > 0) await pause(waitMs, this.#closing.signal).catch(() => undefined);
    const stored = await this.#askUntilAnswered(this.#closing.signal);
    if (!this.#closing.signal.aborted) this.answered(stored);
  }

  #wakeSoon(fact: FeedFact<StoredEntry>): void {
    if (this.#wakeTimer !== null) return;
    const sinceMs = performance.now() - this.#wokenAt;
    if (fact.kind !== 'announced' || this.viewers < 2 || sinceMs >= this.#windowMs || this.#state.end !== null) {
      this.#wake();
      return;
    }
    this.#wakeTimer = setTimeout(() => {
      this.#wakeTimer = null;
      this.#wake();
    }, this.#windowMs - sinceMs);
  }

  #wake(): void {
    this.#wokenAt = performance.now();
    this.#version += 1;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
    if (this.viewers > 1) setImmediate(() => this.#served());
  }

  /** Runs when the woken viewers have been served, except those that wait for a socket. */
  #served(): void {
    const waveMs = performance.now() - this.#wokenAt;
    this.#windowMs = Math.min(Math.max(WINDOW_PER_WAVE * waveMs, WAKE_WINDOW_MS.least), WAKE_WINDOW_MS.most);
  }
}
