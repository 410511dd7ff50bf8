/** Executors in their guard period (PROTOCOL.md, W4d): their attempts have ended, so they take no slot of the queue. */
import type { RunId } from '../../domain/ids.ts';

export class Lingering {
  readonly #most: number;
  readonly #executors = new Map<RunId, Promise<void>>();

  /** `most`: above this many, `untilRoom` blocks. */
  constructor(most: number) {
    this.#most = most;
  }

  /** `gone` resolves when the executor is gone. It never rejects. */
  add(runId: RunId, gone: Promise<void>): void {
    const removed = gone.finally(() => {
      if (this.#executors.get(runId) === removed) this.#executors.delete(runId);
    });
    this.#executors.set(runId, removed);
  }

  /** Resolves when the run's executor is gone; null if it is gone already. */
  of(runId: RunId): Promise<void> | null {
    return this.#executors.get(runId) ?? null;
  }

  /** Resolves when the number of executors is within the limit. Without it many short runs would fill the machine. */
  async untilRoom(): Promise<void> {
    while (this.#executors.size > this.#most) await Promise.race(this.#executors.values());
  }
}
