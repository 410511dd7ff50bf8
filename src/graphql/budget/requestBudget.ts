/**
 * What one request may cost, over all its aliases. What is large waits for a seat of the process, so that a few large
 * answers together hold a bounded memory and small ones pass them.
 */

import { type Release, Semaphore } from '../../async/semaphore.ts';
import { Busy, LimitExceeded } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { STORE_DEADLINE_MS } from '../../redis/wait.ts';
import { Scan } from '../../runs/records/runs.ts';
import { LogBudget } from './logBudget.ts';

/** Large answers that are made at once. What each reads is bounded, and is some times that in memory as objects. */
const largeAnswers = new Semaphore(2, { what: 'large answers' });

export class RequestBudget {
  /** Aborts when nobody waits for the answer. */
  readonly signal: AbortSignal;
  #scan: Scan;
  #log: LogBudget;
  #runs = 0;
  #loads = 0;
  #detailBytes = 0;
  #seat: Promise<Release> | null = null;

  constructor(signal: AbortSignal) {
    this.signal = signal;
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
