/** How fast lines are written: as fast as the slowest viewer reads, or at a fixed rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { linesFrom, stampNow } from '../lines.ts';
import type { Load } from '../load/load.ts';
import type { Feed } from './feed.ts';

/** Between two warm-up lines. It doubles each time, so that a slow server does not have too many to deliver. */
const WARM_INTERVAL_MS = 20;
const WARM_INTERVAL_MAX_MS = 640;
const WARM_MS = 30_000;

/** Writes lines with number 0 until every viewer has received something. @throws LineLost; Error after 30 s */
export const warmUp = async (feed: Feed, load: Load): Promise<void> => {
  const started = performance.now();
  let interval = WARM_INTERVAL_MS;
  while (!load.warm) {
    if (performance.now() - started > WARM_MS) throw new Error('a viewer has received nothing after 30 s');
    await feed.write(linesFrom(0, 1, stampNow()), 1, 0);
    const until = performance.now() + interval;
    while (!load.warm && performance.now() < until) await delay(WARM_INTERVAL_MS);
    await load.until(() => true);
    interval = Math.min(2 * interval, WARM_INTERVAL_MAX_MS);
  }
};

export interface Pace {
  /** Number of the last line that was written. */
  readonly written: number;
  /** Stops writing. Resolves with the number of the last line when Redis has it. @throws what the feed or a viewer threw */
  stop(): Promise<number>;
}

export interface FloodPace {
  /** Lines per batch; a quarter of the window is the most. */
  readonly batch: number;
  /** Most lines that the slowest viewer may be behind. */
  readonly window: number;
  /** Number of the line before the first; default 0. */
  readonly after?: number;
}

/**
 * A flood: batch after batch, but at most `window` lines ahead of the slowest viewer. Without that bound, lines would
 * only fill the memory of servers that queue without bound.
 */
export const flood = (feed: Feed, load: Load, { batch, window, after = 0 }: FloodPace): Pace => {
  const count = Math.max(Math.min(batch, Math.floor(window / 4)), 1);
  let written = after;
  let stopped = false;
  const work = async (): Promise<void> => {
    while (!stopped) {
      await load.until(() => stopped || written + count - load.last <= window);
      if (stopped) return;
      await feed.write(linesFrom(written + 1, count, stampNow()), count, written + 1);
      written += count;
    }
  };
  return pace(
    work(),
    () => written,
    () => {
      stopped = true;
      load.look();
    },
  );
};

const TICK_MS = 1;
/** If a server falls further behind than this, the fixed rate is held back; seconds. */
const BEHIND_SECONDS = 0.5;
/** But at least so many lines, because ticks are not exact. */
const BEHIND_LINES = 10;

/**
 * A fixed rate: at each tick the lines that are due are stamped, as a command would print them. They are stored as an
 * executor does it: one call at a time, and lines that come meanwhile are gathered. A server that cannot keep up holds
 * the rate back, at the latest when it is `window` lines behind.
 */
export const steady = (feed: Feed, load: Load, linesPerSecond: number, window: number): Pace => {
  const bound = Math.max(Math.min(linesPerSecond * BEHIND_SECONDS, window), BEHIND_LINES);
  let gathered: Buffer[] = [];
  let made = 0;
  let written = 0;
  let stopped = false;
  let wake = (): void => undefined;
  let started = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const due = Math.floor(((now - started) * linesPerSecond) / 1000) - made;
    if (due <= 0) return;
    if (made - load.last > bound) {
      // Held back: lines that were not written in time are not written later.
      started += (due * 1000) / linesPerSecond;
      return;
    }
    gathered.push(linesFrom(made + 1, due, stampNow()));
    made += due;
    wake();
  }, TICK_MS);
  const work = async (): Promise<void> => {
    for (;;) {
      if (gathered.length === 0) {
        if (stopped) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const text = Buffer.concat(gathered);
      const count = made - written;
      gathered = [];
      await feed.write(text, count, written + 1);
      written += count;
    }
  };
  return pace(
    work(),
    () => written,
    () => {
      clearInterval(timer);
      stopped = true;
      wake();
    },
  );
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
