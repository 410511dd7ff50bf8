/** Searches of one caller take turns, so that a caller cannot slow down those of others. */
import { type Release, Semaphore } from '../async/semaphore.ts';
import { Busy } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';

/** Searches of all callers that are read at once: each holds two pages of the log in memory. */
const AT_ONCE = 4;

interface Queue {
  readonly turns: Semaphore;
  users: number;
}

export class CallerTurns {
  readonly #queues = new Map<string, Queue>();
  readonly #all = new Semaphore(AT_ONCE, { what: 'searches' });

  /** Callers that search or wait. */
  get callers(): number {
    return this.#queues.size;
  }

  /** Whether another search of the caller waits for the one that has its turn. */
  isAwaited(caller: string): boolean {
    return (this.#queues.get(caller)?.users ?? 0) > 1;
  }

  /**
   * Does the work when it is the caller's turn. @throws Busy if that takes longer than LIMITS.searchWaitMs, or if too many
   * wait; the signal's reason; what the work throws
   */
  async run<T>(caller: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const queue = this.#queues.get(caller) ?? { turns: new Semaphore(1, { what: 'searches of yours' }), users: 0 };
    this.#queues.set(caller, queue);
    queue.users += 1;
    const wait = AbortSignal.timeout(LIMITS.searchWaitMs);
    const releases: Release[] = [];
    try {
      const either = AbortSignal.any([signal, wait]);
      releases.push(await queue.turns.acquire(either));
      releases.push(await this.#all.acquire(either));
      return await work();
    } catch (error) {
      if (wait.aborted && error === wait.reason) throw new Busy('Other searches take long. Try again in a moment.');
      throw error;
    } finally {
      for (const release of releases) release();
      queue.users -= 1;
      if (queue.users === 0) this.#queues.delete(caller);
    }
  }
}
