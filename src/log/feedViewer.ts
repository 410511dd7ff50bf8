import { LATER } from '../async/source.ts';
import { BadUserInput, NotFound } from '../domain/errors.ts';
import type { Seq } from '../domain/events.ts';
import { nextStep } from '../domain/join.ts';
import { LIMITS } from '../domain/limits.ts';
import type { ChangeWait, Feed } from './feed.ts';
import type { PageReader } from './historyPages.ts';
import type { LogViewer, Pull } from './viewer.ts';

/** A viewer: a position in the log of one feed. */
export class FeedViewer implements LogViewer {
  readonly #feed: Feed;
  readonly #pages: PageReader;
  readonly #leave: () => void;
  #position: Seq;
  /** Nothing has been delivered yet. */
  #first = true;
  #caughtUp = false;
  #closed = false;
  /** Read from the store, and not taken yet. */
  #page: Pull['entries'] | null = null;
  /** The feed's version when nothing was at hand. */
  #mark = 0;
  /** The signal of the latest wait. It gets one listener for all waits: a listener each time would cost as much as the rest. */
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
        throw positionBeyondEnd(step.end);
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

  get reads(): boolean {
    return nextStep(this.#feed.state, this.#position).kind === 'read';
  }

  more(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    this.#watch(signal);
    return this.reads ? this.#read(signal) : this.#change();
  }

  async #read(signal: AbortSignal): Promise<void> {
    const entries = await this.#pages.read(this.#feed.runId, this.#position, signal);
    if (entries === null) throw new NotFound();
    if (entries.length > 0 || this.#first) this.#page = entries;
    else {
      // The store has lost its tail; the writer will store it again.
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

/** As many entries as the bound allows, at least one: a viewer that stalls keeps what it has pulled. */
const firstOf = (entries: Pull['entries'], maxBytes: number): Pull['entries'] => {
  let bytes = 0;
  const end = entries.findIndex(({ size }, i) => {
    bytes += size;
    return i > 0 && bytes > maxBytes;
  });
  return end < 0 ? entries : entries.slice(0, end);
};

/** `after` is greater than the last seq of a finished run. */
export const positionBeyondEnd = (end: Seq): BadUserInput =>
  new BadUserInput('after', `The run has ended, and its last seq is ${end}. Use a value of at most ${end}.`);
