/** Executors of ended attempts that stay to write the end again should Redis lose it. They take no place of the queue. */
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

  /** Resolves when the run's executor is gone; null where none stays. */
  of(runId: RunId): Promise<void> | null {
    return this.#executors.get(runId) ?? null;
  }

  /** Resolves when the number of executors is within the limit: else many short runs would fill the machine. */
  async untilRoom(): Promise<void> {
    while (this.#executors.size > this.#most) await this.#executors.values().next().value;
  }
}
