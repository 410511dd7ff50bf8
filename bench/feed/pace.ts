/** How fast a feed goes: as fast as the slowest viewer, or at a fixed rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { linesFrom, stampNow } from '../lines.ts';
import type { Load } from '../load/load.ts';
import type { Feed } from './feed.ts';

/** Between two lines that warm up; it doubles, or a slow server would have all of them to deliver. */
const WARM_INTERVAL_MS = 20;
const WARM_INTERVAL_MAX_MS = 640;
const WARM_MS = 30_000;

/** Writes lines of number 0 until every viewer has had something. @throws LineLost, Error where it takes too long */
export const warmUp = async (feed: Feed, load: Load): Promise<void> => {
  const started = performance.now();
  let interval = WARM_INTERVAL_MS;
  while (!load.warm) {
    if (performance.now() - started > WARM_MS) throw new Error('the viewers get nothing');
    await feed.write(linesFrom(0, 1, stampNow()), 1, 0);
    const until = performance.now() + interval;
    while (!load.warm && performance.now() < until) await delay(WARM_INTERVAL_MS);
    await load.until(() => true);
    interval = Math.min(2 * interval, WARM_INTERVAL_MAX_MS);
  }
};

export interface Pace {
  /** Number of the newest line that was written. */
  readonly written: number;
  /** Writes no more; resolves, with the last number, when nothing is under way. @throws what the feed or a viewer threw */
  stop(): Promise<number>;
}

export interface FloodPace {
  /** Lines of a batch, at most a quarter of the window. */
  readonly batch: number;
  readonly window: number;
  /** Number of the line before the first; default 0. */
  readonly after?: number;
}

/**
 * A flood: batch after batch, but no more than `window` lines ahead of the slowest viewer. Without that a
 * publisher only fills the memory of those servers that have no other bound.
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
/** How far a server may fall behind a steady rate before the rate is held back for it, seconds. */
const BEHIND_SECONDS = 0.5;
/** And at least, lines: ticks are no exact clock. */
const BEHIND_LINES = 10;

/**
 * A fixed rate: at each tick what is due is written and stamped, as by a command; it is handed on as an
 * executor does it, one call at a time, what comes meanwhile gathered. A server that cannot keep up holds it
 * back, at `window` lines at the latest.
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
      // Held back: what was not written in time is not made up for later.
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
