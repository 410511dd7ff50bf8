/**
 * The part of a log that the page holds: a window of at most MAX_ROWS events, wherever the reader is. Pages are added at
 * one side and removed at the other, so memory does not grow with the log. Live events are added while the window is at
 * the end of the log (`attached`).
 */

import { firstSeq, joined, type LogEvent, type LogFilter, lineNumber } from '../line/logEvents.ts';
import type { LineRange, Route } from '../look/route.ts';
import { createStore, type Store } from '../look/watchable.ts';
import type { LogBatch, LogPart, LogSource, PagePosition } from './logSource.ts';

/** Events of one page, and of the window. A row is about 25 px, so a window is about 40 screens. */
const PAGE = 300;
const MAX_ROWS = 1500;
/** While following. */
const LIVE_ROWS = 600;
/** While lines come faster than they can be read: only rows that will be seen are made. */
const FLOOD_ROWS = 120;
/** So many events between two updates of the page are a flood. */
const FLOOD = 40;
/** The shortest time between two updates of the page, ms. */
const TELL_MS = 50;
/** A filter can empty pages: so many requests are made for one page of rows. */
const MOST_REQUESTS = 20;
const ENOUGH_ROWS = 40;

export interface WindowSnapshot {
  readonly rows: readonly LogEvent[];
  /** First and last seq that the window covers, filtered-out events included. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The newest seq that is known. */
  readonly lastSeq: number;
  readonly atStart: boolean;
  /** The window reaches the end of the log, as far as it is known. */
  readonly attached: boolean;
  readonly following: boolean;
  /** New lines since the reader stopped following. */
  readonly fresh: number;
  readonly loading: 'before' | 'after' | 'all' | null;
  /** The run has ended, and every event has arrived. */
  readonly ended: boolean;
  readonly error: string | null;
}

const EMPTY: WindowSnapshot = {
  rows: [],
  fromSeq: 1,
  toSeq: 0,
  lastSeq: 0,
  atStart: true,
  attached: false,
  following: false,
  fresh: 0,
  loading: 'all',
  ended: false,
  error: null,
};

interface Place extends Partial<WindowSnapshot> {
  readonly lastSeq: number;
  readonly toSeq: number;
}

const countLines = (events: readonly LogEvent[]): number =>
  events.reduce((sum, { __typename }) => sum + (__typename === 'LogLine' ? 1 : 0), 0);

export class LogWindow {
  readonly state: Store<WindowSnapshot> = createStore(EMPTY);
  readonly #source: LogSource;
  #filter: LogFilter;
  #stop: () => void = () => undefined;
  #isFollowing = false;
  /** Where the subscription is; events up to it have been seen here. */
  #liveSeq = 0;
  /** The newest live events: going to the end needs no request. They continue at #recentFrom without a gap. */
  #recent: LogEvent[] = [];
  #recentFrom = 0;
  /** Goes up with each jump: answers for an earlier place are ignored. */
  #turn = 0;
  #now: WindowSnapshot = EMPTY;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = 0;
  /** Events since the page was told. */
  #news = 0;

  constructor(source: LogSource, filter: LogFilter) {
    this.#source = source;
    this.#filter = filter;
  }

  /** Goes to the end, and follows. */
  async openEnd(): Promise<void> {
    if (this.#isFollowing && this.#recent.length >= ENOUGH_ROWS) {
      this.#turn += 1;
      const rows = this.#recent.slice(-LIVE_ROWS);
      const fromSeq = rows.length < this.#recent.length ? firstOf(rows) : this.#recentFrom;
      const place = { rows, fromSeq, toSeq: this.#liveSeq, atStart: fromSeq <= 1, attached: true };
      this.#set({ ...place, following: true, fresh: 0, loading: null });
      return;
    }
    await this.#open(async () => {
      const part = await this.#gather({ last: PAGE }, false);
      return { ...part, attached: true, following: true };
    });
  }

  /** Goes to an event, which is then in the middle of the window. */
  async openAt(seq: number): Promise<void> {
    await this.#open(async () => {
      const [before, after] = await Promise.all([
        seq > 1 ? this.#gather({ last: PAGE, before: seq }, false) : null,
        this.#gather({ first: PAGE, after: Math.max(0, seq - 1) }, true),
      ]);
      const rows = joined(before?.rows ?? [], after.rows);
      const fromSeq = before?.fromSeq ?? 1;
      return { ...after, rows, fromSeq, atStart: before?.atStart ?? true, attached: !after.hasNext, following: false };
    });
  }

  /** Loads what comes before the window. */
  async before(): Promise<void> {
    const { loading, atStart, fromSeq } = this.#now;
    if (loading !== null || atStart) return;
    await this.#extend('before', async () => {
      const part = await this.#gather({ last: PAGE, before: fromSeq }, false);
      // Live events have moved the window meanwhile: the page no longer joins it.
      if (this.#now.fromSeq !== fromSeq) return {};
      const all = joined(part.rows, this.#now.rows);
      const rows = all.slice(0, MAX_ROWS);
      const cut = rows.length < all.length;
      return {
        rows,
        fromSeq: part.fromSeq,
        atStart: part.atStart,
        ...(cut ? { toSeq: rows.at(-1)?.seq ?? 0, attached: false, following: false } : {}),
      };
    });
  }

  /** Loads what comes after the window, until it is at the end. */
  async after(): Promise<void> {
    const { loading, attached, toSeq } = this.#now;
    if (loading !== null || attached) return;
    await this.#extend('after', async () => {
      const part = await this.#gather({ first: PAGE, after: toSeq }, true);
      const all = joined(this.#now.rows, part.rows);
      const rows = all.slice(-MAX_ROWS);
      const cut = rows.length < all.length;
      // What was announced while the page was read is in #recent, or comes with the next page.
      const attached = part.toSeq >= this.#liveSeq;
      return {
        rows,
        toSeq: part.toSeq,
        attached,
        fresh: attached ? 0 : this.#now.fresh,
        ...(cut ? { fromSeq: firstOf(rows), atStart: false } : {}),
      };
    });
  }

  /** Follows the end of the log, or stops at the place where the reader is. */
  follow(following: boolean): void {
    if (following === this.#now.following) return;
    if (following && !this.#now.attached) void this.openEnd();
    else this.#set({ following, fresh: 0 });
  }

  /** @param keep seq of the event that stays in view; null: the end */
  async setFilter(filter: LogFilter, keep: number | null): Promise<void> {
    this.#filter = filter;
    this.#unfollow();
    if (keep === null) await this.openEnd();
    else await this.openAt(keep);
  }

  /** The address of a range of seqs: by its lines where both ends are lines that are loaded. */
  addressOf(runId: string, seqs: LineRange): Partial<Route> {
    const [from, to] = [seqs.from, seqs.to].map((seq) => {
      const event = this.#now.rows.find((one) => one.seq === seq);
      return event === undefined ? null : lineNumber(event);
    });
    return from != null && to != null ? { runId, lines: { from, to } } : { runId, seqs };
  }

  [Symbol.dispose](): void {
    this.#turn += 1;
    this.#unfollow();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  async #open(read: () => Promise<Place>): Promise<void> {
    this.#turn += 1;
    const mine = this.#turn;
    this.#set({ loading: 'all', error: null });
    try {
      const place = await read();
      if (mine !== this.#turn) return;
      const isEnd = place.attached === true;
      if (!this.#isFollowing) this.#subscribe(isEnd ? place.toSeq : Math.max(place.lastSeq, place.toSeq));
      const whole = isEnd ? this.#withRecent(place) : place;
      const attached = isEnd && whole.toSeq >= this.#liveSeq;
      this.#set({ ...whole, attached, following: place.following === true && attached, fresh: 0, loading: null });
    } catch (error) {
      this.#fail(mine, error);
    }
  }

  /** The log can grow while its end is read: the live events continue it. */
  #withRecent(place: Place): Place {
    if (this.#recentFrom > place.toSeq + 1) return place;
    const rows = [...(place.rows ?? []), ...this.#recent.filter(({ seq }) => seq > place.toSeq)];
    return { ...place, rows, toSeq: Math.max(place.toSeq, this.#liveSeq) };
  }

  async #extend(side: 'before' | 'after', read: () => Promise<Partial<WindowSnapshot>>): Promise<void> {
    const mine = this.#turn;
    this.#set({ loading: side });
    try {
      const change = await read();
      if (mine === this.#turn) this.#set({ ...change, loading: null, error: null });
    } catch (error) {
      this.#fail(mine, error);
    }
  }

  #fail(turn: number, error: unknown): void {
    if (turn !== this.#turn) return;
    this.#set({ loading: null, error: error instanceof Error ? error.message : String(error) });
  }

  /** Reads pages until there are rows enough, or the log ends. */
  async #gather(position: PagePosition, forward: boolean) {
    let rows: readonly LogEvent[] = [];
    let part: LogPart | null = null;
    let [fromSeq, toSeq] = [position.before ?? (position.after ?? 0) + 1, position.after ?? (position.before ?? 1) - 1];
    let at = position;
    for (let request = 0; request < MOST_REQUESTS && rows.length < ENOUGH_ROWS; request += 1) {
      part = await this.#source.page(at, this.#filter);
      rows = forward ? joined(rows, part.events) : joined(part.events, rows);
      if (part.startSeq !== null && (!forward || request === 0)) fromSeq = part.startSeq;
      if (part.endSeq !== null && (forward || request === 0)) toSeq = part.endSeq;
      if (forward ? !part.hasNext : !part.hasPrevious) break;
      at = forward ? { first: PAGE, after: toSeq } : { last: PAGE, before: fromSeq };
    }
    const lastSeq = part?.lastSeq ?? 0;
    return { rows, fromSeq, toSeq, lastSeq, atStart: part?.hasPrevious !== true, hasNext: part?.hasNext === true };
  }

  #subscribe(after: number): void {
    this.#isFollowing = true;
    this.#liveSeq = after;
    this.#recent = [];
    this.#recentFrom = after + 1;
    this.#stop = this.#source.follow(after, this.#filter, {
      onBatch: (batch) => this.#take(batch),
      onEnd: (error) => this.#set(error === null ? { ended: true } : { error }),
    });
  }

  #unfollow(): void {
    this.#isFollowing = false;
    this.#stop();
  }

  #take({ events, lastSeq }: LogBatch): void {
    this.#liveSeq = Math.max(this.#liveSeq, lastSeq);
    if (this.#isFollowing) this.#keepRecent(events);
    const { rows, toSeq, attached, following, fresh, fromSeq } = this.#now;
    const change: { -readonly [Key in keyof WindowSnapshot]?: WindowSnapshot[Key] } = {
      lastSeq: Math.max(this.#now.lastSeq, lastSeq),
    };
    if (!following) change.fresh = fresh + countLines(events);
    if (attached) {
      const all = [...rows, ...events.filter(({ seq }) => seq > toSeq)];
      this.#news += events.length;
      const kept = following ? all.slice(this.#news > FLOOD ? -FLOOD_ROWS : -LIVE_ROWS) : all;
      if (kept.length > MAX_ROWS) change.attached = false;
      else {
        Object.assign(change, { rows: kept, toSeq: Math.max(toSeq, lastSeq) });
        if (kept.length < all.length) Object.assign(change, { fromSeq: firstOf(kept), atStart: false });
        else change.fromSeq = fromSeq;
      }
    }
    this.#set(change);
  }

  #keepRecent(events: readonly LogEvent[]): void {
    for (const event of events) this.#recent.push(event);
    if (this.#recent.length <= 2 * LIVE_ROWS) return;
    this.#recent = this.#recent.slice(-LIVE_ROWS);
    this.#recentFrom = firstOf(this.#recent);
  }

  #set(change: Partial<WindowSnapshot>): void {
    this.#now = { ...this.#now, ...change };
    if (this.#frame !== 0 || this.#timer !== undefined) return;
    const wait = this.#toldAt + TELL_MS - performance.now();
    if (wait <= 0) this.#tell();
    else this.#timer = setTimeout(() => this.#tell(), wait);
  }

  /** With the next frame. A hidden page has no frames: it is told when it is shown. */
  #tell(): void {
    this.#timer = undefined;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#toldAt = performance.now();
      this.#news = 0;
      this.state.set(this.#now);
    });
  }
}

const firstOf = (rows: readonly LogEvent[]): number => {
  const [first] = rows;
  return first === undefined ? 1 : firstSeq(first);
};
