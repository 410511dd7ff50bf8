/**
 * The feeds of a process and their viewers. There is one feed for each followed run; all viewers share it, and it is closed
 * with the last of them. domain/join.ts decides what a feed does; this folder does the I/O.
 */
import type { Logger } from 'pino';
import { BatchLoader } from '../async/batchLoader.ts';
import { interval } from '../async/interval.ts';
import { BadUserInput, NotFound } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import type { Announcements } from '../wire/announcements.ts';
import { isReply } from '../wire/takesWrites.ts';
import { Feed } from './feed.ts';
import { FeedViewer, positionBeyondEnd } from './feedViewer.ts';
import { PageReader } from './historyPages.ts';
import { KnownEntries } from './knownEntries.ts';
import type { LogPosition, RedisLogReader } from './reader.ts';
import type { LogHub, LogViewer, ViewFrom } from './viewer.ts';

/** How often the store is asked for the positions of followed logs. Without Pub/Sub a line is late by this at most. */
const ASK_INTERVAL_MS = 1000;
/** Runs in one request for positions when viewers open. */
const ASKED_TOGETHER = 100;

export interface HubOptions {
  readonly reader: RedisLogReader;
  readonly announcements: Announcements;
  readonly logger: Logger;
  /** The store has lost its tail: it is behind what viewers have received. Called each second while this lasts. */
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

  /** Runs whose position waits to be requested. */
  get asking(): number {
    return this.#positions.waiting;
  }

  /** The newest seq that this process knows of a run; null if nobody follows it here. */
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
      // Announcements can be on their way: ask the store for the newest seq.
      if (from.after === undefined && from.tail !== undefined) await feed.refresh(signal);
      const { head, end, gone } = feed.state;
      if (gone || head === null) throw new NotFound();
      const position = from.after ?? (from.tail === undefined ? 0 : Math.max(head - from.tail, 0));
      if (end !== null && position > end) throw positionBeyondEnd(end);
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

  /** One request for all feeds. A failure is only logged, since the next request follows in a second. */
  async #askForAll(): Promise<void> {
    const feeds = [...this.#feeds.values()].filter((feed) => feed.asksRegularly);
    if (feeds.length === 0) return;
    try {
      // Taken before the request: an announcement received while we wait can be newer than the reply.
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
      this.#options.logger[level]({ err: error }, 'could not read the positions of the followed logs');
    }
  }
}

const checkNotNegative = (argument: string, value: number | undefined): void => {
  if (value !== undefined && value < 0) throw new BadUserInput(argument, 'The value must be 0 or more.');
};
