/**
 * The part of a log that the page holds: a window of at most MAX_ROWS events, wherever the reader is. Pages are added at
 * one side and removed at the other, so memory does not grow with the log. Live events are added while the window is at
 * the end of the log (`attached`). Folded groups are skipped: only their first event is held.
 */

import { joined, type LogEvent, type LogFilter } from '../../line/logEvents.ts';
import type { Store } from '../../look/watchable.ts';
import { type FoldChoices, foldsOf, groupsAround, NO_CHOICES, NO_FOLDS, shownAt } from './folds.ts';
import { type Gathered, type GatherOptions, gatherAfter, gatherBefore, lastPage } from './gather.ts';
import { LiveTail } from './liveTail.ts';
import type { LogBatch, LogSource } from './logSource.ts';
import { LogOverview } from './overview.ts';
import { firstOf, PacedSnapshots, type WindowSnapshot } from './windowSnapshot.ts';

/** Events of the first page at a new place: little more than a view has. */
const FIRST_PAGE = 80;
const PAGE = 300;
/** Events of the window. A row is about 25 px, so a window is about 40 screens. */
const MAX_ROWS = 1500;
/** While following. */
const LIVE_ROWS = 600;
/** While lines come faster than they can be read: only rows that will be seen are made. */
const FLOOD_ROWS = 120;
/** So many events between two updates of the page are a flood. */
const FLOOD = 40;
/** Going to the end needs no request when so many live events are known. */
const ENOUGH_ROWS = 40;
/** How long the first rows wait for the groups, ms. The overview of a log without an index can take seconds. */
const PATIENCE_MS = 400;

type Place = Pick<WindowSnapshot, 'rows' | 'fromSeq' | 'toSeq' | 'lastSeq' | 'atStart' | 'attached' | 'following'>;

const countLines = (events: readonly LogEvent[]): number =>
  events.reduce((sum, { __typename }) => sum + (__typename === 'LogLine' ? 1 : 0), 0);

export class LogWindow implements Disposable {
  readonly state: Store<WindowSnapshot>;
  readonly overview: LogOverview;
  readonly #source: LogSource;
  readonly #tail: LiveTail;
  readonly #snapshots = new PacedSnapshots();
  #filter: LogFilter = {};
  #choices: FoldChoices = NO_CHOICES;
  /** Goes up with each jump: answers for an earlier place are ignored. */
  #turn = 0;

  constructor(source: LogSource) {
    this.#source = source;
    this.#tail = new LiveTail(source);
    this.state = this.#snapshots.state;
    this.overview = new LogOverview(source.overview);
  }

  /** Goes to the end, and follows. */
  async openEnd(): Promise<void> {
    if (this.#showRecent()) return;
    const last = lastPage({ source: this.#source, filter: this.#filter, pageSize: FIRST_PAGE });
    last.catch(() => undefined);
    const again = (): Promise<void> => this.openEnd();
    await this.#open(again, async (options) => ({
      ...(await gatherBefore(options, Number.POSITIVE_INFINITY, last)),
      attached: true,
      following: true,
    }));
  }

  /** Goes to an event, which is then in the middle of the window. In a folded group: to the first event of the group. */
  async openAt(seq: number, again = (): Promise<void> => this.openAt(seq)): Promise<void> {
    await this.#open(again, async (options) => {
      const at = shownAt(options.folds, this.overview.state.get(), seq);
      const [before, after] = await Promise.all([
        at > 1 ? gatherBefore(options, at) : null,
        gatherAfter(options, Math.max(0, at - 1)),
      ]);
      const rows = joined(before?.rows ?? [], after.rows);
      const atStart = before?.atStart ?? true;
      return { ...after, rows, fromSeq: before?.fromSeq ?? 1, atStart, attached: after.atEnd, following: false };
    });
  }

  /** As openAt, and unfolds the groups around the event. */
  async reveal(seq: number): Promise<void> {
    await this.#overviewSoon();
    for (const group of groupsAround(this.overview.state.get(), seq)) this.#choose(group.seq, true);
    await this.openAt(seq, () => this.reveal(seq));
  }

  /** Folds or unfolds a group where the reader sees it. */
  async toggleGroup(seq: number): Promise<void> {
    this.#choose(
      seq,
      this.#snapshots.now.folds.all.some((fold) => fold.seq === seq),
    );
    await this.openAt(seq);
  }

  /** Unfolds or folds all groups. @param keep seq of the event that stays in view; null: the end */
  async foldAll(others: FoldChoices['others'], keep: number | null): Promise<void> {
    this.#choices = { ...NO_CHOICES, others };
    await (keep === null ? this.openEnd() : this.openAt(keep));
  }

  /** Loads what comes before the window. */
  async before(): Promise<void> {
    const { loading, atStart, fromSeq } = this.#snapshots.now;
    if (loading !== null || atStart) return;
    await this.#extend('before', async (options) => {
      const part = await gatherBefore(options, fromSeq);
      // Live events have moved the window meanwhile: the page no longer joins it.
      if (this.#snapshots.now.fromSeq !== fromSeq) return {};
      return this.#above(part);
    });
  }

  /** Loads what comes after the window, until it is at the end. */
  async after(): Promise<void> {
    const { loading, attached, toSeq } = this.#snapshots.now;
    if (loading !== null || attached) return;
    await this.#extend('after', async (options) => this.#below(await gatherAfter(options, toSeq)));
  }

  /** Follows the end of the log, or stops at the place where the reader is. */
  follow(following: boolean): void {
    const { now } = this.#snapshots;
    if (following === now.following) return;
    if (following && !now.attached) void this.openEnd();
    else this.#snapshots.set({ following, fresh: 0 });
  }

  /** @param keep seq of the event that stays in view; null: the end */
  async setFilter(filter: LogFilter, keep: number | null): Promise<void> {
    this.#filter = filter;
    this.#tail.stop();
    await (keep === null ? this.openEnd() : this.openAt(keep));
  }

  [Symbol.dispose](): void {
    this.#turn += 1;
    this.#tail.stop();
    this.overview[Symbol.dispose]();
    this.#snapshots[Symbol.dispose]();
  }

  #choose(seq: number, open: boolean): void {
    const [opened, closed] = [new Set(this.#choices.opened), new Set(this.#choices.closed)];
    (open ? closed : opened).delete(seq);
    (open ? opened : closed).add(seq);
    this.#choices = { ...this.#choices, opened, closed };
  }

  /** Resolves to false if it takes long. */
  #overviewSoon(): Promise<boolean> {
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PATIENCE_MS));
    return Promise.race([this.overview.first.then(() => true), late]);
  }

  /** Under a filter nothing is folded: what matches must be seen. */
  #optionsNow(): GatherOptions {
    const hasFilter = Object.keys(this.#filter).length > 0;
    const folds = hasFilter ? NO_FOLDS : foldsOf(this.overview.state.get(), this.#choices);
    return { source: this.#source, filter: this.#filter, folds, pageSize: FIRST_PAGE };
  }

  /** Shows the newest live events. False: too few are known, or some of them are in a folded group. */
  #showRecent(): boolean {
    const { recent, from, seq, isOn } = this.#tail;
    const { folds } = this.#optionsNow();
    if (!isOn || recent.length < ENOUGH_ROWS || folds.all.some(({ endSeq }) => endSeq > from)) return false;
    this.#turn += 1;
    const rows = recent.slice(-LIVE_ROWS);
    const fromSeq = rows.length < recent.length ? firstOf(rows) : from;
    const place = { rows, fromSeq, toSeq: seq, folds, atStart: fromSeq <= 1, attached: true };
    this.#snapshots.set({ ...place, following: true, fresh: 0, loading: null });
    return true;
  }

  /** @param again opens the same place again: the groups can be known too late for the first time */
  async #open(again: () => Promise<void>, read: (options: GatherOptions) => Promise<Place>): Promise<void> {
    this.#turn += 1;
    const mine = this.#turn;
    this.#snapshots.set({ loading: 'all', error: null });
    try {
      const isKnown = await this.#overviewSoon();
      const options = this.#optionsNow();
      const place = await read(options);
      if (mine !== this.#turn) return;
      if (!this.#tail.isOn) this.#follow(place.attached ? place.toSeq : Math.max(place.lastSeq, place.toSeq));
      const whole = place.attached ? this.#withRecent(place) : place;
      const attached = place.attached && whole.toSeq >= this.#tail.seq;
      const following = place.following && attached;
      const lastSeq = Math.max(whole.lastSeq, this.#snapshots.now.lastSeq);
      this.#snapshots.set({ ...whole, lastSeq, folds: options.folds, attached, following, fresh: 0, loading: null });
      if (isKnown) return;
      await this.overview.first;
      const isThere = mine === this.#turn && following === this.#snapshots.now.following;
      if (isThere && this.#optionsNow().folds.all.length > 0) await again();
    } catch (error) {
      this.#fail(mine, error);
    }
  }

  #follow(after: number): void {
    this.#tail.start(after, this.#filter, {
      onBatch: (batch) => this.#take(batch),
      onEnd: (error) => {
        this.#snapshots.set(error === null ? { ended: true } : { error });
        this.overview.touch();
      },
    });
  }

  /** The log can grow while its end is read: the live events continue it. */
  #withRecent(place: Place): Place {
    const { recent, from, seq } = this.#tail;
    if (from > place.toSeq + 1) return place;
    return {
      ...place,
      rows: [...place.rows, ...recent.filter((event) => event.seq > place.toSeq)],
      toSeq: Math.max(place.toSeq, seq),
    };
  }

  #above({ rows: read, fromSeq, atStart }: Gathered): Partial<WindowSnapshot> {
    const all = joined(read, this.#snapshots.now.rows);
    const rows = all.slice(0, MAX_ROWS);
    const isCut = rows.length < all.length;
    const cut = isCut ? { toSeq: rows.at(-1)?.seq ?? 0, attached: false, following: false } : {};
    return { rows, fromSeq, atStart, ...cut };
  }

  #below({ rows: read, toSeq }: Gathered): Partial<WindowSnapshot> {
    const { now } = this.#snapshots;
    const all = joined(now.rows, read);
    const rows = all.slice(-MAX_ROWS);
    // What was announced while the page was read is in the tail, or comes with the next page.
    const attached = toSeq >= this.#tail.seq;
    const cut = rows.length < all.length ? { fromSeq: firstOf(rows), atStart: false } : {};
    return { rows, toSeq, attached, fresh: attached ? 0 : now.fresh, ...cut };
  }

  async #extend(
    side: 'before' | 'after',
    read: (options: GatherOptions) => Promise<Partial<WindowSnapshot>>,
  ): Promise<void> {
    const mine = this.#turn;
    this.#snapshots.set({ loading: side });
    try {
      // As the rows that are there: what has ended since stays as it is.
      const change = await read({ ...this.#optionsNow(), folds: this.#snapshots.now.folds, pageSize: PAGE });
      if (mine === this.#turn) this.#snapshots.set({ ...change, loading: null, error: null });
    } catch (error) {
      this.#fail(mine, error);
    }
  }

  #fail(turn: number, error: unknown): void {
    if (turn !== this.#turn) return;
    this.#snapshots.set({ loading: null, error: error instanceof Error ? error.message : String(error) });
  }

  #take({ events, lastSeq }: LogBatch): void {
    const { now } = this.#snapshots;
    const change: { -readonly [Key in keyof WindowSnapshot]?: WindowSnapshot[Key] } = {
      lastSeq: Math.max(now.lastSeq, lastSeq),
    };
    if (!now.following) change.fresh = now.fresh + countLines(events);
    if (now.attached) Object.assign(change, this.#grown(events, lastSeq));
    this.#snapshots.set(change);
    if (events.length > 0) this.overview.touch();
  }

  /** The window with live events at its end. */
  #grown(events: readonly LogEvent[], lastSeq: number): Partial<WindowSnapshot> {
    const { rows, toSeq, following } = this.#snapshots.now;
    const all = [...rows, ...events.filter(({ seq }) => seq > toSeq)];
    this.#snapshots.news += events.length;
    const kept = following ? all.slice(this.#snapshots.news > FLOOD ? -FLOOD_ROWS : -LIVE_ROWS) : all;
    if (kept.length > MAX_ROWS) return { attached: false };
    const cut = kept.length < all.length ? { fromSeq: firstOf(kept), atStart: false } : {};
    return { rows: kept, toSeq: Math.max(toSeq, lastSeq), ...cut };
  }
}
