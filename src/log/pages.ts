/**
 * Pages of history for viewers behind the ring. Viewers at the same place share a read: a thousand
 * browsers that reconnect at once cost a few reads, not a thousand.
 */
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { RedisLogReader } from './reader.ts';
import { unlessAborted } from './unlessAborted.ts';
import type { LogEntry } from './viewer.ts';

/** A page serves those who come this soon after it; longer, it would only hold memory. */
const SHARE_MS = 150;
/** Pages kept to be shared; beyond it the oldest go, and who needs them reads again. */
const MAX_PAGES = 16;
const READ_AGAIN_MS = 250;

type Page = readonly LogEntry[] | null;

export class PageReader {
  readonly #reader: RedisLogReader;
  readonly #pages = new Map<string, Promise<Page>>();
  /** Entries to ask for next, per run's kind of entries: it follows their size. */
  #entries = 8;

  constructor(reader: RedisLogReader) {
    this.#reader = reader;
  }

  /**
   * What follows the position, LIMITS.pageBytes at a time about; empty where the store has nothing there,
   * null where the run is not there. Waits while Redis is away. @throws the signal's reason
   */
  async read(runId: RunId, after: Seq, signal: AbortSignal): Promise<Page> {
    const key = `${runId} ${after}`;
    for (;;) {
      signal.throwIfAborted();
      try {
        return await unlessAborted(this.#pages.get(key) ?? this.#fetch(key, runId, after), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Error && error.name === 'CodecError') throw error;
        await unlessAborted(new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS)), signal);
      }
    }
  }

  #fetch(key: string, runId: RunId, after: Seq): Promise<Page> {
    const page = this.#reader.forward(runId, after, this.#entries).then((read) => {
      if (read === null) return null;
      this.#adapt(read.entries);
      return read.entries;
    });
    const forget = () => {
      if (this.#pages.get(key) === page) this.#pages.delete(key);
    };
    // An empty page says nothing that lasts, so it is never shared.
    page.then((entries) => (entries?.length ? setTimeout(forget, SHARE_MS).unref() : forget()), forget);
    this.#pages.set(key, page);
    if (this.#pages.size > MAX_PAGES) this.#pages.delete(this.#pages.keys().next().value ?? key);
    return page;
  }

  #adapt(entries: readonly LogEntry[]): void {
    if (entries.length === 0) return;
    const mean = entries.reduce((sum, entry) => sum + entry.size, 0) / entries.length;
    this.#entries = Math.min(Math.max(Math.round(LIMITS.pageBytes / mean), 1), LIMITS.readEntries);
  }
}
