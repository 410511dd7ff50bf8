/**
 * One object for each stored batch, as long as it is in use. Caches are keyed by this object, so viewers share what is
 * made of an entry, even if they read it at different times.
 */
import type { Seq } from '../domain/events.ts';
import type { RunId } from '../domain/ids.ts';
import { StoredEntry } from './entry.ts';
import type { LogEntry } from './viewer.ts';

export class KnownEntries {
  readonly #known = new Map<string, WeakRef<StoredEntry>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#known.get(key)?.deref() === undefined) this.#known.delete(key);
  });

  /** The entry, or the known one with the same seqs and bytes. */
  of<Entry extends LogEntry>(runId: RunId, entry: Entry): Entry | StoredEntry {
    if (!(entry instanceof StoredEntry)) return entry;
    const key = keyOf(runId, entry.firstSeq, entry.lastSeq);
    const known = this.#known.get(key)?.deref();
    if (known?.equals(entry)) return known;
    this.#known.set(key, new WeakRef(entry));
    this.#gone.register(entry, key);
    return entry;
  }
}

const keyOf = (runId: RunId, firstSeq: Seq, lastSeq: Seq): string => `${runId} ${firstSeq} ${lastSeq}`;
