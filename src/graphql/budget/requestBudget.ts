/**
 * What one request may cost, over all its aliases. What is large waits for a seat of the process, so that a few large
 * answers together hold a bounded memory and small ones pass them.
 */

import { type Release, Semaphore } from '../../async/semaphore.ts';
import type { Work } from '../../async/workTurn.ts';
import { Busy, LimitExceeded, Unavailable } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { STORE_DEADLINE_MS } from '../../redis/wait.ts';
import { Scan } from '../../runs/records/runs.ts';
import { LogBudget } from './logBudget.ts';

/** Large answers that are made at once. What each reads is bounded, and is some times that in memory as objects. */
const largeAnswers = new Semaphore(2, { what: 'large answers' });

export class RequestBudget {
  /** Aborts when nobody waits for the answer. */
  readonly signal: AbortSignal;
  readonly #work: Pick<Work, 'step'>;
  #scan: Scan;
  #log: LogBudget;
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

  /** What it may still read through Run.logs. */
  get log(): LogBudget {
    return this.#log;
  }
  get scan(): Scan {
    return this.#scan;
  }

  /** To be awaited between the steps of what may take long and is to be done in any case. */
  async slice(): Promise<void> {
    const turn = this.#work.step();
    if (turn !== null) await turn;
  }

  /** The same for what may be given up. @throws Unavailable where the client left */
  async goOn(): Promise<void> {
    await this.slice();
    if (this.signal.aborted) throw new Unavailable('Nobody waits for the answer any more.');
  }

  /** Notes that a list of the result is being filled until `filled` resolves. */
  noteList(filled: Promise<void>): void {
    this.#lists.add(filled);
    void filled.then(() => this.#lists.delete(filled));
  }

  /** Resolves when no list is being filled: what their items ask for is known. */
  async listsFilled(): Promise<void> {
    while (this.#lists.size > 0) await Promise.all(this.#lists);
  }

  /** Notes that so many runs are asked for. @throws LimitExceeded where they are too many in all; as large */
  async takeRuns(count: number): Promise<void> {
    this.#runs += count;
    if (this.#runs > LIMITS.requestRuns) {
      throw new LimitExceeded(`One request lists at most ${LIMITS.requestRuns} runs.`);
    }
    if (this.#runs > LIMITS.largeAnswerRuns) await this.large();
  }

  /** Notes that so many runs are read by id: each level of retryOf of a list is as many again. @throws LimitExceeded */
  takeLoads(count: number): void {
    this.#loads += count;
    if (this.#loads > LIMITS.requestLoads) {
      throw new LimitExceeded(
        `One request reads at most ${LIMITS.requestLoads} runs by id. Ask for fewer levels of retryOf.`,
      );
    }
  }

  /** Notes that so much of runs is asked for. @throws LimitExceeded where it is too much in all; as large */
  async takeDetails(bytes: number): Promise<void> {
    this.#detailBytes += bytes;
    if (this.#detailBytes > LIMITS.requestDetailBytes) {
      throw new LimitExceeded(
        `One request reads at most ${LIMITS.requestDetailBytes} bytes of command, input, output, labels, progress and failure. Ask for fewer runs at once.`,
      );
    }
    if (this.#detailBytes > LIMITS.largeAnswerBytes) await this.large();
  }

  /** Waits for the request's seat, unless it has one. @throws Busy where none is free in time */
  async large(): Promise<void> {
    this.#seat ??= largeAnswers.acquire(AbortSignal.any([this.signal, AbortSignal.timeout(STORE_DEADLINE_MS)]));
    try {
      await this.#seat;
    } catch (error) {
      if (error instanceof LimitExceeded) throw error;
      throw new Busy('Too many large answers are being made. Ask for less, or try again in a moment.');
    }
  }

  /** The answer is made, or the next result of a subscription begins. */
  renew(): void {
    this.#seat?.then(
      (leave) => leave(),
      () => undefined,
    );
    this.#seat = null;
    this.#scan = new Scan(this.signal);
    this.#log = new LogBudget(this);
    this.#runs = 0;
    this.#loads = 0;
    this.#detailBytes = 0;
  }
}
