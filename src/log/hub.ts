/**
 * The feeds of a process and their viewers. One feed per run that somebody follows, shared by all its
 * viewers, freed with the last of them; the decisions are in domain/join.ts, this file does the I/O.
 */
import type { Logger } from 'pino';
import { BatchLoader } from '../async/batchLoader.ts';
import { interval } from '../async/interval.ts';
import { LATER } from '../async/source.ts';
import { BadUserInput, NotFound } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { nextStep } from '../domain/join.ts';
import { LIMITS } from '../domain/limits.ts';
import type { Announcements } from '../wire/announcements.ts';
import { isReply } from '../wire/takesWrites.ts';
import { type ChangeWait, Feed } from './feed.ts';
import { PageReader } from './historyPages.ts';
import { KnownEntries } from './knownEntries.ts';
import type { LogPosition, RedisLogReader } from './reader.ts';
import type { LogHub, LogViewer, Pull, ViewFrom } from './viewer.ts';

/** How often the store is asked how far the followed logs go: the most that a dead Pub/Sub delays a line. */
const ASK_INTERVAL_MS = 1000;
/** Runs that one question is about, where viewers come: what a Redis that does not answer holds. */
const ASKED_TOGETHER = 100;

export interface HubOptions {
  readonly reader: RedisLogReader;
  readonly announcements: Announcements;
  readonly logger: Logger;
  /** Viewers were led farther than the store goes now: it lost its tail. Told each second while it lasts. */
  readonly onAhead?: (runId: RunId, head: Seq) => void;
}

export class RedisLogHub implements LogHub, AsyncDisposable {
  readonly #options: HubOptions;
  readonly #known = new KnownEntries();
  readonly #pages: PageReader;
  readonly #feeds = new Map<RunId, Feed>();
  readonly #positions: BatchLoader<RunId, LogPosition>;
  readonly #stopAsking: () => void;
  readonly #stopListening: () => void;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#pages = new PageReader(options.reader, this.#known, options.logger);
    this.#positions = new BatchLoader((runIds) => options.reader.positions(runIds), ASKED_TOGETHER);
    this.#stopAsking = interval(() => this.#askForAll(), ASK_INTERVAL_MS);
    this.#stopListening = options.announcements.onReconnect(() => {
      for (const feed of this.#feeds.values()) feed.reconnected();
    });
  }

  /** Runs that are followed at present. */
  get feeds(): number {
    return this.#feeds.size;
  }

  /** Runs whose followers wait to have the store asked. */
  get asking(): number {
    return this.#positions.waiting;
  }

  /** How far the run's log goes as those know who follow it here; null where nobody does. */
  headOf(runId: RunId): Seq | null {
    return this.#feeds.get(runId)?.state.head ?? null;
  }

  async open(runId: RunId, from: ViewFrom, signal: AbortSignal | null = null): Promise<LogViewer> {
    checkNotNegative('after', from.after);
    checkNotNegative('tail', from.tail);
    const feed = this.#feedOf(runId);
    feed.viewers += 1;
    try {
      await feed.known(signal);
      // A feed that others follow may lag behind the store by what is on its way; the newest is asked for.
      if (from.after === undefined && from.tail !== undefined) await feed.refresh(signal);
      const { head, end, gone } = feed.state;
      if (gone || head === null) throw new NotFound();
      const position = from.after ?? (from.tail === undefined ? 0 : Math.max(head - from.tail, 0));
      if (end !== null && position > end) throw beyond(end);
      return new FeedViewer(feed, this.#pages, position, () => this.#leave(feed));
    } catch (error) {
      this.#leave(feed);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopAsking();
    this.#stopListening();
    for (const feed of this.#feeds.values()) feed.close();
    this.#feeds.clear();
    await Promise.resolve();
  }

  #feedOf(runId: RunId): Feed {
    const existing = this.#feeds.get(runId);
    if (existing !== undefined && !existing.state.gone) return existing;
    const { announcements, logger } = this.#options;
    const feed = new Feed(runId, {
      announcements,
      logger,
      known: this.#known,
      ask: (signal) => this.#positions.load(runId, signal),
    });
    this.#feeds.set(runId, feed);
    return feed;
  }

  #leave(feed: Feed): void {
    feed.viewers -= 1;
    if (feed.viewers > 0) return;
    feed.close();
    if (this.#feeds.get(feed.runId) === feed) this.#feeds.delete(feed.runId);
  }

  /** One pipelined question for all feeds; a failure is not told, since the next second asks again. */
  async #askForAll(): Promise<void> {
    const feeds = [...this.#feeds.values()].filter((feed) => feed.asksRegularly);
    if (feeds.length === 0) return;
    try {
      // As they are before the question: what is announced meanwhile may be newer than the answer.
      const heads = feeds.map((feed) => feed.state.head ?? 0);
      const positions = await this.#options.reader.positions(feeds.map((feed) => feed.runId));
      for (const [i, feed] of feeds.entries()) {
        const position = positions[i] ?? null;
        const head = heads[i] ?? 0;
        if (position !== null && position.lastSeq < head) this.#options.onAhead?.(feed.runId, head);
        feed.answered(position);
      }
    } catch (error) {
      const level = isReply(error) ? 'warn' : 'debug';
      this.#options.logger[level]({ err: error }, 'the store did not say how far the followed logs go');
    }
  }
}

/** A position in a run's log that pulls. */
class FeedViewer implements LogViewer {
  readonly #feed: Feed;
  readonly #pages: PageReader;
  readonly #leave: () => void;
  #position: Seq;
  /** Nothing was delivered yet. */
  #first = true;
  #caughtUp = false;
  #closed = false;
  /** Read from the store, to be taken. */
  #page: Pull['entries'] | null = null;
  /** The feed as it was when nothing was at hand. */
  #mark = 0;
  /** Of the latest wait; watched once for all that have it, since a listener each time would cost as much as the rest. */
  #signal: AbortSignal | null = null;
  #wait: ChangeWait | null = null;

  constructor(feed: Feed, pages: PageReader, position: Seq, leave: () => void) {
    this.#feed = feed;
    this.#pages = pages;
    this.#position = position;
    this.#leave = leave;
  }

  take(): Pull | typeof LATER | null {
    const page = this.#page;
    if (page !== null) {
      this.#page = null;
      return this.#deliver(page);
    }
    this.#mark = this.#feed.changed();
    const step = nextStep(this.#feed.state, this.#position);
    switch (step.kind) {
      case 'gone':
        throw new NotFound();
      case 'beyond':
        throw beyond(step.end);
      case 'done':
        return null;
      case 'take':
        return this.#deliver(firstOf(step.entries, LIMITS.pullBytes));
      case 'wait':
        return this.#first ? this.#deliver([]) : LATER;
      case 'read':
        return LATER;
    }
  }

  more(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#watch(signal);
    return nextStep(this.#feed.state, this.#position).kind === 'read' ? this.#read(signal) : this.#change();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const entries = await this.#pages.read(this.#feed.runId, this.#position, signal);
    if (entries === null) throw new NotFound();
    if (entries.length > 0 || this.#first) this.#page = entries;
    else {
      // The store is behind what was announced: it lost its tail, and its writer puts it back.
      this.#feed.readInVain();
      await this.#change();
    }
  }

  #change(): Promise<void> {
    this.#wait = this.#feed.waitForChange(this.#mark);
    return this.#wait.changed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#stopWaiting);
    this.#leave();
  }

  #watch(signal: AbortSignal): void {
    if (signal === this.#signal) return;
    this.#signal?.removeEventListener('abort', this.#stopWaiting);
    this.#signal = signal;
    signal.addEventListener('abort', this.#stopWaiting, { once: true });
  }

  readonly #stopWaiting = (): void => this.#wait?.stop(this.#signal?.reason);

  #deliver(entries: Pull['entries']): Pull {
    const after = this.#position;
    this.#first = false;
    const lastSeq = Math.max(entries.at(-1)?.lastSeq ?? after, after);
    this.#position = lastSeq;
    const { head, end } = this.#feed.state;
    this.#caughtUp ||= head !== null && lastSeq >= head;
    return { entries, after, lastSeq, caughtUp: this.#caughtUp, ended: end !== null && lastSeq === end };
  }
}

/** As many as the bound allows, at least one: a viewer that stalls holds on to what it has pulled. */
const firstOf = (entries: Pull['entries'], maxBytes: number): Pull['entries'] => {
  let bytes = 0;
  const end = entries.findIndex(({ size }, i) => {
    bytes += size;
    return i > 0 && bytes > maxBytes;
  });
  return end < 0 ? entries : entries.slice(0, end);
};

const checkNotNegative = (argument: string, value: number | undefined): void => {
  if (value !== undefined && value < 0) throw new BadUserInput(argument, 'A count is 0 or more.');
};

const beyond = (end: Seq): BadUserInput =>
  new BadUserInput(
    'after',
    `The run has ended and its log goes to ${end}; there is nothing after the seq that was given.`,
  );
