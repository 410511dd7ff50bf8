/**
 * Limits what one request can read through Run.logs: 30 aliases of 500 runs with 5000 events each would be a query of a
 * few lines. The pages of one request are read one after the other, so that what is left is known before each.
 */
import { LimitExceeded } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import type { RequestBudget } from './requestBudget.ts';

export class LogBudget {
  readonly #request: Pick<RequestBudget, 'goOn' | 'large'>;
  #events: number = LIMITS.requestEvents;
  #bytes: number = LIMITS.requestBytes;
  #scanned: number = LIMITS.requestScanBytes;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(request: Pick<RequestBudget, 'goOn' | 'large'>) {
    this.#request = request;
  }

  get events(): number {
    return this.#events;
  }
  get bytes(): number {
    return this.#bytes;
  }
  /** Bytes that can still be looked at, whether they pass a filter or not. */
  get scanned(): number {
    return this.#scanned;
  }

  /** Runs `read` when the earlier ones have ended. @throws LimitExceeded if nothing is left; what `read` throws */
  async inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#events <= 0 || this.#bytes <= 0 || this.#scanned <= 0) {
        throw new LimitExceeded(
          `Too many events: one request can read at most ${LIMITS.requestEvents}, and ${LIMITS.requestBytes} bytes. Use several requests.`,
        );
      }
      return read();
    });
    this.#turn = turn.catch(() => undefined);
    return await turn;
  }

  /** To be awaited between entries: `bytes` are those that the page holds. @throws Unavailable where the client left */
  async goOn(bytes: number): Promise<void> {
    if (bytes > LIMITS.largeAnswerBytes) await this.#request.large();
    await this.#request.goOn();
  }

  spend(events: number, bytes: number, scanned: number): void {
    this.#events -= events;
    this.#bytes -= bytes;
    this.#scanned -= scanned;
  }
}
