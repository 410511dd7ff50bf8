/** The live events of a log, and the newest of them: going to the end then needs no request. */
import type { LogEvent, LogFilter } from '../../line/logEvents.ts';
import type { LogBatch, LogSource } from './logSource.ts';
import { firstOf } from './windowSnapshot.ts';

/** Events that are kept. */
const KEPT = 600;

export interface TailHandlers {
  readonly onBatch: (batch: LogBatch) => void;
  /** null: the run has ended and every event has arrived; else what is wrong. */
  readonly onEnd: (error: string | null) => void;
}

export class LiveTail {
  readonly #source: LogSource;
  #stop: (() => void) | null = null;
  #seq = 0;
  #recent: LogEvent[] = [];
  #from = 0;

  constructor(source: LogSource) {
    this.#source = source;
  }

  get isOn(): boolean {
    return this.#stop !== null;
  }
  /** Every event up to here has been seen. */
  get seq(): number {
    return this.#seq;
  }
  /** `recent` continues this seq without a gap. */
  get from(): number {
    return this.#from;
  }
  get recent(): readonly LogEvent[] {
    return this.#recent;
  }

  start(after: number, filter: LogFilter, { onBatch, onEnd }: TailHandlers): void {
    this.#seq = after;
    this.#recent = [];
    this.#from = after + 1;
    this.#stop = this.#source.follow(after, filter, {
      onBatch: (batch) => {
        this.#take(batch);
        onBatch(batch);
      },
      onEnd,
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #take({ events, lastSeq }: LogBatch): void {
    this.#seq = Math.max(this.#seq, lastSeq);
    for (const event of events) this.#recent.push(event);
    if (this.#recent.length <= 2 * KEPT) return;
    this.#recent = this.#recent.slice(-KEPT);
    this.#from = firstOf(this.#recent);
  }
}
