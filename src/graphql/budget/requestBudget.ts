/**
 * What one request can read, over all its aliases. A large response waits for a seat of the process, so that a few large
 * answers together hold a bounded memory and small ones pass them.
 */

import { type Release, Semaphore } from '../../async/semaphore.ts';
import type { Work } from '../../async/workTurn.ts';
import { Busy, CLIENT_LEFT, LimitExceeded } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { STORE_DEADLINE_MS } from '../../redis/wait.ts';
import { Scan } from '../../runs/records/runs.ts';
import { SearchBudget } from '../../search/searchPage.ts';
import { LogBudget } from './logBudget.ts';

/** Large responses that are made at once. What each reads is bounded, but takes several times as much memory as objects. */
const largeAnswers = new Semaphore(2, { what: 'large answers' });

export class RequestBudget {
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly #work: Pick<Work, 'step'>;
  #scan: Scan;
  #log: LogBudget;
  #search = new SearchBudget();
  readonly #lists = new Set<Promise<void>>();
  #runs = 0;
  #loads = 0;
  #detailBytes = 0;
  #seat: Promise<Release> | null = null;

  constructor(signal: AbortSignal, work: Pick<Work, 'step'>) {
    this.signal = signal;
    this.#work = work;
    this.#scan = new Scan(signal);
    this.#log = new LogBudget(this);
  }

  /** What the request can still read through Run.logs. */
  get log(): LogBudget {
    return this.#log;
  }
  /** What the request can still search through Run.search. */
  get search(): SearchBudget {
    return this.#search;
  }
  get scan(): Scan {
    return this.#scan;
  }

  /** To be awaited between the steps of long work that must be completed. */
  async slice(): Promise<void> {
    const turn = this.#work.step();
    if (turn !== null) await turn;
  }

  /** The same for work that can be given up. @throws Unavailable if the client has left */
  async goOn(): Promise<void> {
    await this.slice();
    if (this.signal.aborted) throw CLIENT_LEFT;
  }

  /** Registers a list of the result that is being filled until `filled` resolves. */
  noteList(filled: Promise<void>): void {
    this.#lists.add(filled);
    void filled.then(() => this.#lists.delete(filled));
  }

  /** Resolves when no list is being filled: only then is it known what their items ask for. */
  async listsFilled(): Promise<void> {
    while (this.#lists.size > 0) await Promise.all(this.#lists);
  }

  /** Charges the request for listed runs. @throws LimitExceeded if they are too many in total; as large() */
  async takeRuns(count: number): Promise<void> {
    this.#runs += count;
    if (this.#runs > LIMITS.requestRuns) {
      throw new LimitExceeded(`Too many runs: one request can list at most ${LIMITS.requestRuns}. Use smaller pages.`);
    }
    if (this.#runs > LIMITS.largeAnswerRuns) await this.large();
  }

  /** Charges the request for runs that are read by id. Each level of retryOf below a list adds as many. @throws LimitExceeded */
  takeLoads(count: number): void {
    this.#loads += count;
    if (this.#loads > LIMITS.requestLoads) {
      throw new LimitExceeded(
        `Too many runs: one request can read at most ${LIMITS.requestLoads} by id. Select fewer levels of retryOf.`,
      );
    }
  }

  /** Charges the request for bytes of details of runs. @throws LimitExceeded if they are too many in total; as large() */
  async takeDetails(bytes: number): Promise<void> {
    this.#detailBytes += bytes;
    if (this.#detailBytes > LIMITS.requestDetailBytes) {
      throw new LimitExceeded(
        `Too much data: one request can read at most ${LIMITS.requestDetailBytes} bytes of command, input, output, labels, progress, failure and log summaries. Ask for fewer runs at once.`,
      );
    }
    if (this.#detailBytes > LIMITS.largeAnswerBytes) await this.large();
  }

  /** Waits for a seat, unless the request has one. @throws Busy if none becomes free in time */
  async large(): Promise<void> {
    this.#seat ??= largeAnswers.acquire(AbortSignal.any([this.signal, AbortSignal.timeout(STORE_DEADLINE_MS)]));
    try {
      await this.#seat;
    } catch (error) {
      if (error instanceof LimitExceeded) throw error;
      throw new Busy('Too many large responses are being made. Ask for less, or try again in a moment.');
    }
  }

  /** To be called when the response is made, or when the next result of a subscription begins. */
  renew(): void {
    this.#seat?.then(
      (leave) => leave(),
      () => undefined,
    );
    this.#seat = null;
    this.#scan = new Scan(this.signal);
    this.#log = new LogBudget(this);
    this.#search = new SearchBudget();
    this.#runs = 0;
    this.#loads = 0;
    this.#detailBytes = 0;
  }
}
