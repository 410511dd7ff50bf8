/** What the page shows of a log's window, and when it is told. */
import { firstSeq, type LogEvent } from '../../line/logEvents.ts';
import { createStore, type Store } from '../../look/watchable.ts';
import { type Folds, NO_FOLDS } from './folds.ts';

export interface WindowSnapshot {
  readonly rows: readonly LogEvent[];
  /** First and last seq that the window covers, filtered-out and folded events included. */
  readonly fromSeq: number;
  readonly toSeq: number;
  /** The newest seq that is known. */
  readonly lastSeq: number;
  readonly folds: Folds;
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

export const EMPTY: WindowSnapshot = {
  rows: [],
  fromSeq: 1,
  toSeq: 0,
  lastSeq: 0,
  folds: NO_FOLDS,
  atStart: true,
  attached: false,
  following: false,
  fresh: 0,
  loading: 'all',
  ended: false,
  error: null,
};

export const firstOf = (rows: readonly LogEvent[]): number => {
  const [first] = rows;
  return first === undefined ? 1 : firstSeq(first);
};

/** The shortest time between two updates of the page, ms. */
const TELL_MS = 50;

/** Tells the page the newest snapshot with the next frame. A hidden page has no frames: it is told when it is shown. */
export class PacedSnapshots implements Disposable {
  readonly state: Store<WindowSnapshot> = createStore(EMPTY);
  #now: WindowSnapshot = EMPTY;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = 0;
  /** Live events since the page was told. */
  news = 0;

  get now(): WindowSnapshot {
    return this.#now;
  }

  set(change: Partial<WindowSnapshot>): void {
    this.#now = { ...this.#now, ...change };
    if (this.#frame !== 0 || this.#timer !== undefined) return;
    const wait = this.#toldAt + TELL_MS - performance.now();
    if (wait <= 0) this.#tell();
    else this.#timer = setTimeout(() => this.#tell(), wait);
  }

  [Symbol.dispose](): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#timer = undefined;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#toldAt = performance.now();
      this.news = 0;
      this.state.set(this.#now);
    });
  }
}
