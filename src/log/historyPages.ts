/**
 * Pages of history for viewers behind the ring. Viewers at near positions share a read: a thousand browsers that reconnect
 * at a thousand positions cost a few reads.
 */
import type { Logger } from 'pino';
import { abortable } from '../async/abortable.ts';
import { pause } from '../async/pause.ts';
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import { isReply } from '../wire/takesWrites.ts';
import type { KnownEntries } from './knownEntries.ts';
import type { RedisLogReader } from './reader.ts';
import type { LogEntry } from './viewer.ts';

/** How long a page can be shared after its read, milliseconds. */
const SHARE_MS = 150;
/** Pages that are kept for sharing; the oldest are dropped first. */
const MAX_PAGES = 32;
/** Reads of one run at once. Other viewers wait for one of them, which can contain what they need. */
const MAX_READS = 4;
const READ_AGAIN_MS = 250;
/** A read that waits longer for its connection is abandoned, and started again by viewers that still need it. */
const READ_MS = 5000;

type Page = readonly LogEntry[] | null;

/** A page that was read; it serves every viewer whose position is in it. */
interface RecentPage {
  readonly runId: RunId;
  /** The position from which it was read. */
  readonly after: Seq;
  readonly lastSeq: Seq;
  readonly entries: readonly LogEntry[];
}

export class PageReader {
  readonly #reader: RedisLogReader;
  /** Reads under way, by run and by the position they start from. */
  readonly #reads = new Map<RunId, Map<Seq, Promise<Page>>>();
  readonly #recent = new Set<RecentPage>();
  readonly #known: KnownEntries;
  readonly #logger: Pick<Logger, 'warn'>;

  constructor(reader: RedisLogReader, known: KnownEntries, logger: Pick<Logger, 'warn'>) {
    this.#reader = reader;
    this.#logger = logger;
    this.#known = known;
  }

  /**
   * The entries after the position (the first one can begin before it), at most LIMITS.pageBytes or one entry. Empty if the
   * store has none; null if there is no such run. Waits while Redis is away. @throws the signal's reason
   */
  async read(runId: RunId, after: Seq, signal: AbortSignal): Promise<Page> {
    for (;;) {
      signal.throwIfAborted();
      const recent = this.#recentAt(runId, after);
      if (recent !== null) return recent;
      try {
        const reads = this.#reads.get(runId);
        const same = reads?.get(after);
        if (same === undefined && reads !== undefined && reads.size >= MAX_READS) {
          // Its failure is handled by the viewer that started it.
          await abortable(
            Promise.race(reads.values()).catch(() => undefined),
            signal,
          );
          continue;
        }
        return await abortable(same ?? this.#fetch(runId, after), signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Error && error.name === 'CodecError') throw error;
        if (isReply(error)) this.#logger.warn({ err: error, runId }, 'a page of a log could not be read');
        await pause(READ_AGAIN_MS, signal);
      }
    }
  }

  #recentAt(runId: RunId, after: Seq): Page {
    for (const page of this.#recent) {
      if (page.runId !== runId || page.after > after || page.lastSeq <= after) continue;
      return page.after === after ? page.entries : page.entries.filter(({ lastSeq }) => lastSeq > after);
    }
    return null;
  }

  #fetch(runId: RunId, after: Seq): Promise<Page> {
    const reads = this.#reads.get(runId) ?? new Map<Seq, Promise<Page>>();
    this.#reads.set(runId, reads);
    const read = this.#readPage(runId, after).finally(() => {
      reads.delete(after);
      if (reads.size === 0) this.#reads.delete(runId);
    });
    reads.set(after, read);
    return read;
  }

  async #readPage(runId: RunId, after: Seq): Promise<Page> {
    const read = await this.#reader.forward(runId, after, LIMITS.readEntries, AbortSignal.timeout(READ_MS));
    if (read === null) return null;
    const entries = read.entries.map((entry) => this.#known.of(runId, entry));
    this.#share({ runId, after, entries });
    return entries;
  }

  /** An empty page can be outdated at once, so it is not shared. */
  #share(page: Omit<RecentPage, 'lastSeq'>): void {
    const last = page.entries.at(-1);
    if (last === undefined) return;
    const recent = { ...page, lastSeq: last.lastSeq };
    this.#recent.add(recent);
    setTimeout(() => this.#recent.delete(recent), SHARE_MS).unref();
    for (const oldest of this.#recent) {
      if (this.#recent.size <= MAX_PAGES) break;
      this.#recent.delete(oldest);
    }
  }
}
