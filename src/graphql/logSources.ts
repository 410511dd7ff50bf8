/** A run's log as a viewer gets it: in batches, or event by event; filtered, and cut to size. */

import type { Seq } from '../domain/events.ts';
import type { LogFilter } from '../domain/filter.ts';
import type { RunId } from '../domain/ids.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LogViewer, Pull } from '../log/viewer.ts';
import { clipSource, type EventSource, sourcesOf } from './eventSource.ts';
import type { PullSource } from './pullIterator.ts';

export interface EventBatch {
  readonly runId: RunId;
  readonly events: readonly EventSource[];
  readonly lastSeq: Seq;
  readonly caughtUp: boolean;
}

export interface BatchOptions {
  readonly runId: RunId;
  readonly viewer: LogViewer;
  readonly filter: LogFilter | null;
  /** Events of one batch at most, 1 to LIMITS.batchEvents. */
  readonly maxBatch: number;
}

/**
 * Batches of at most maxBatch events and about LIMITS.batchBytes. Holds at most one pull's entries, which
 * are shared with the other viewers, and its place in them.
 */
export class BatchSource implements PullSource<EventBatch> {
  readonly #options: BatchOptions;
  #pull: Pull | null = null;
  #entry = 0;
  #event = 0;
  #caughtUp = false;
  #ended = false;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  async next(signal: AbortSignal): Promise<EventBatch | null> {
    if (this.#pull === null) {
      if (this.#ended) return null;
      const pull = await this.#options.viewer.pull(signal);
      if (pull === null) return null;
      this.#pull = pull;
      this.#entry = 0;
      this.#event = 0;
      this.#ended = pull.ended;
    }
    return this.#cut(this.#pull);
  }

  close(): void {
    this.#pull = null;
    this.#ended = true;
    this.#options.viewer.close();
  }

  /** The next batch of the pull; what is left of it stays for the next call. */
  #cut(pull: Pull): EventBatch {
    const { runId, filter, maxBatch } = this.#options;
    const events: EventSource[] = [];
    let bytes = 0;
    let position = pull.after;
    for (; this.#entry < pull.entries.length; this.#entry += 1, this.#event = 0) {
      const entry = pull.entries[this.#entry];
      const sources = entry === undefined ? [] : sourcesOf(runId, entry);
      for (; this.#event < sources.length; this.#event += 1) {
        const source = sources[this.#event];
        const clipped = source === undefined ? null : clipSource(source, pull.after, Number.POSITIVE_INFINITY);
        if (clipped === null) continue;
        if (filter === null || filter(clipped.event)) {
          if (events.length >= maxBatch || (bytes + clipped.size > LIMITS.batchBytes && events.length > 0)) {
            return { runId, events, lastSeq: position, caughtUp: this.#caughtUp };
          }
          events.push(clipped);
          bytes += clipped.size;
        }
        position = clipped.event.seq;
      }
    }
    this.#pull = null;
    this.#caughtUp ||= pull.caughtUp;
    return { runId, events, lastSeq: pull.lastSeq, caughtUp: this.#caughtUp };
  }
}

/** Event by event, over batches that are never empty for their reader. */
export class SingleSource implements PullSource<EventSource> {
  readonly #batches: BatchSource;
  #events: readonly EventSource[] = [];
  #next = 0;

  constructor(batches: BatchSource) {
    this.#batches = batches;
  }

  async next(signal: AbortSignal): Promise<EventSource | null> {
    for (;;) {
      const event = this.#events[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        return event;
      }
      signal.throwIfAborted();
      const batch = await this.#batches.next(signal);
      if (batch === null) return null;
      this.#events = batch.events;
      this.#next = 0;
    }
  }

  close(): void {
    this.#events = [];
    this.#batches.close();
  }
}
