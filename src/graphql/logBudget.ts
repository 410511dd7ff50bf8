/**
 * Bounds what one request can make the service read and hold: 30 aliases x 500 runs x 5000 events would
 * be a query of a few lines. Pages of one request are read one after the other, so that the bound is
 * known before each.
 */
import { LimitExceeded } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';

export class LogBudget {
  #events: number = LIMITS.requestEvents;
  #bytes: number = LIMITS.requestBytes;
  #turn: Promise<unknown> = Promise.resolve();

  get events(): number {
    return this.#events;
  }
  get bytes(): number {
    return this.#bytes;
  }

  /** Runs `read` when those before it are done. @throws LimitExceeded where nothing is left, or what `read` throws */
  async inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#events <= 0 || this.#bytes <= 0) {
        throw new LimitExceeded(`One request reads at most ${LIMITS.requestEvents} events. Ask for fewer, in pages.`);
      }
      return read();
    });
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  spend(events: number, bytes: number): void {
    this.#events -= events;
    this.#bytes -= bytes;
  }
}
