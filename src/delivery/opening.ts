/**
 * Sources whose opening can take long, because Redis is away. GraphQL notices that a client leaves only after it has got the
 * source. So after a moment it gets a source that is still being opened.
 */

import { Latch } from '../async/latch.ts';
import type { PullSource } from '../async/pullIterator.ts';
import { LATER } from '../async/source.ts';
import type { LogViewer, Pull } from '../log/viewer.ts';

/** Redis usually replies within this time, so that an error (NOT_FOUND) refuses the subscription itself. */
const AT_ONCE_MS = 500;

interface Closable {
  close(): void;
}

/** A source that is being opened, until it is closed. */
class Opening<T extends Closable> {
  readonly #leaving = new AbortController();
  readonly #settled = new Latch();
  #opened: T | null = null;

  constructor(open: (signal: AbortSignal) => Promise<T>) {
    open(this.#leaving.signal).then(
      (opened) => {
        if (this.#leaving.signal.aborted) opened.close();
        else this.#opened = opened;
        this.#settled.open();
      },
      (error: unknown) => this.#settled.fail(error),
    );
  }

  /** The source; null while it is being opened. */
  get opened(): T | null {
    return this.#opened;
  }

  /** Resolves when it is opened. @throws what the opening threw, or the signal's reason */
  wait(signal: AbortSignal): Promise<void> {
    return this.#settled.wait(signal);
  }

  close(): void {
    this.#leaving.abort();
    this.#opened?.close();
  }

  /** The source if it is open within a moment, otherwise `later(this)`. @throws what the opening threw */
  async atOnce(later: (opening: Opening<T>) => T): Promise<T> {
    const moment = new AbortController();
    const timer = setTimeout(() => moment.abort(), AT_ONCE_MS);
    try {
      await this.wait(moment.signal);
    } catch (error) {
      if (!moment.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
    }
    return this.#opened ?? later(this);
  }
}

/** A viewer, which is still being opened if Redis does not answer. @throws what `open` throws */
export const openViewer = (open: (signal: AbortSignal) => Promise<LogViewer>): Promise<LogViewer> =>
  new Opening(open).atOnce((opening) => new OpeningViewer(opening));

class OpeningViewer implements LogViewer {
  readonly #opening: Opening<LogViewer>;

  constructor(opening: Opening<LogViewer>) {
    this.#opening = opening;
  }

  take(): Pull | typeof LATER | null {
    const { opened } = this.#opening;
    return opened === null ? LATER : opened.take();
  }

  get reads(): boolean {
    return this.#opening.opened?.reads ?? false;
  }

  more(signal: AbortSignal): Promise<void> {
    const { opened } = this.#opening;
    return opened === null ? this.#opening.wait(signal) : opened.more(signal);
  }

  close(): void {
    this.#opening.close();
  }
}

/** As openViewer, for a source of changes. @throws what `open` throws */
export const openSource = <T>(open: (signal: AbortSignal) => Promise<PullSource<T>>): Promise<PullSource<T>> =>
  new Opening(open).atOnce((opening) => ({
    async next(signal) {
      if (opening.opened === null) await opening.wait(signal);
      return (await opening.opened?.next(signal)) ?? null;
    },
    close: () => opening.close(),
  }));
