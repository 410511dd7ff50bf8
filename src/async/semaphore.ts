import { Busy } from '../domain/errors.ts';
import { Latch } from './latch.ts';

/** Gives the permit back; safe to repeat. */
export type Release = () => void;

export interface SemaphoreOptions {
  /** What the permits are for, as clients read it: "large answers". */
  readonly what: string;
  /** Callers that can wait at once; one more is refused. Default: 200. */
  readonly maxWaiting?: number;
}

const MAX_WAITING = 200;

/** A counting semaphore: at most `permits` holders at once; others wait in order. */
export class Semaphore {
  readonly #options: SemaphoreOptions;
  readonly #waiting = new Set<Latch>();
  #free: number;

  constructor(permits: number, options: SemaphoreOptions) {
    this.#free = permits;
    this.#options = options;
  }

  /** Waits for a permit. A caller that aborts loses its turn. @throws the signal's reason; Busy if too many wait */
  async acquire(signal: AbortSignal | null = null): Promise<Release> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release();
    };
  }

  /** Does the work while it holds a permit. @throws as `acquire`, or what the work throws */
  async run<T>(work: () => Promise<T>, signal: AbortSignal | null = null): Promise<T> {
    const release = await this.acquire(signal);
    try {
      return await work();
    } finally {
      release();
    }
  }

  async #turn(signal: AbortSignal | null): Promise<void> {
    const { what, maxWaiting = MAX_WAITING } = this.#options;
    if (this.#waiting.size >= maxWaiting) throw new Busy(`Too many requests wait for ${what}. Try again in a moment.`);
    const turn = new Latch();
    this.#waiting.add(turn);
    try {
      await turn.wait(signal);
    } finally {
      this.#waiting.delete(turn);
    }
  }

  /** Hands the permit to the caller that has waited longest. */
  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next.open();
  }
}
