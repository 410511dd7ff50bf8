/** How fast a feed goes: as fast as the slowest viewer, or at a fixed rate. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Load } from '../load/load.ts';
import { stampNow } from '../lines.ts';
import type { Feed } from './feed.ts';

const WARM_INTERVAL_MS = 20;
const WARM_MS = 30_000;

/** Writes lines of number 0 until every viewer has had something. @throws LineLost, Error where it takes too long */
export const warmUp = async (feed: Feed, load: Load): Promise<void> => {
  const started = performance.now();
  while (!load.warm) {
    if (performance.now() - started > WARM_MS) throw new Error('the viewers get nothing');
    await feed.write(0, 1, stampNow());
    await delay(WARM_INTERVAL_MS);
    await load.until(() => true);
  }
};

export interface Pace {
  /** Number of the newest line that was written. */
  readonly written: number;
  /** Writes no more; resolves when nothing is under way. @throws what the feed or a viewer threw */
  stop(): Promise<number>;
}

/**
 * A flood: batch after batch, but no more than `window` lines ahead of the slowest viewer. Without that a
 * publisher only fills the memory of those servers that have no other bound.
 */
export const flood = (feed: Feed, load: Load, { batch, window }: { batch: number; window: number }): Pace => {
  let written = 0;
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      const count = Math.max(Math.min(batch, Math.floor(window / 4)), 1);
      await load.until(() => stopped || written + count - load.last <= window);
      if (stopped) return;
      await feed.write(written + 1, count, stampNow());
      written += count;
    }
  };
  return pace(work(), () => written, () => (stopped = true));
};

/** A fixed rate: what is due is written, each line stamped with the instant at which it was due to be handed over. */
export const steady = (feed: Feed, linesPerSecond: number): Pace => {
  let written = 0;
  let stopped = false;
  const work = async (): Promise<void> => {
    const started = performance.now();
    while (!stopped) {
      const due = Math.floor(((performance.now() - started) * linesPerSecond) / 1000) - written;
      if (due > 0) {
        await feed.write(written + 1, due, stampNow());
        written += due;
      } else await delay(1);
    }
  };
  return pace(work(), () => written, () => (stopped = true));
};

const pace = (done: Promise<void>, written: () => number, end: () => void): Pace => {
  done.catch(() => undefined);
  return {
    get written() {
      return written();
    },
    async stop() {
      end();
      await done;
      return written();
    },
  };
};
