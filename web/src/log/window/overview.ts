/** What the service knows of a log without reading it: counts, groups, and where its errors are. Read again while it grows. */
import type { LogOverviewQuery } from '../../../../schema/generated/graphql.ts';
import { createStore, type Store } from '../../look/watchable.ts';

type OverviewRun = NonNullable<LogOverviewQuery['run']>;
export type LogGroup = OverviewRun['outline'][number];
export interface Overview {
  readonly status: OverviewRun['status'];
  /** The newest attempt. */
  readonly attempt: number;
  readonly stats: OverviewRun['logStats'];
  /** In the order of their start. */
  readonly groups: readonly LogGroup[];
  readonly buckets: OverviewRun['histogram'];
}

/** The shortest time between two reads, ms. */
const EVERY_MS = 2000;
/** A read may take this part of the time between two of them. */
const SHARE = 1 / 50;

export class LogOverview implements Disposable {
  readonly state: Store<Overview | null> = createStore<Overview | null>(null);
  /** Resolves when the first read is over, also if it failed. */
  readonly first: Promise<void>;
  readonly #read: () => Promise<Overview>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = 0;
  #isOver = false;

  constructor(read: () => Promise<Overview>) {
    this.#read = read;
    this.first = this.#readNow();
  }

  /** The log has grown: read again, now or when it is time. A hidden page reads when it is shown and the log grows. */
  touch(): void {
    if (this.#timer !== undefined || this.#isOver || document.hidden) return;
    this.#timer = setTimeout(() => void this.#readNow(), Math.max(0, this.#next - performance.now()));
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #readNow(): Promise<void> {
    const began = performance.now();
    // While it is read, `touch` must not begin another read: #next is unknown until then.
    this.#timer ??= setTimeout(() => undefined);
    const overview = await this.#read().catch(() => null);
    const now = performance.now();
    this.#next = now + Math.max(EVERY_MS, (now - began) / SHARE);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // A failure here is a failure of the log's pages too, and is told there.
    if (overview !== null && !this.#isOver) this.state.set(overview);
  }
}
