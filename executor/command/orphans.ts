/**
 * Who gets the stop signal after the command's own process is gone, and when. Many programs read a second signal as
 * "quit now", and a filter that is shot loses the last lines of those that write to it. So each is told once, and only
 * when its parent is gone; what may have been told by its parent, or may be a filter, gets time to end by itself.
 */

import { catchesSignal, type LivingProcess, trySignal } from '../../src/system/processes.ts';

/** From the loss of a parent that the signal killed: it has passed nothing on. */
const UNTOLD_MS = 100;
/** Of a parent that handled the signal: it may have passed it on. */
const MAYBE_TOLD_MS = 2000;
/** For what may be a filter, once only such ones are left: it ends when it has read its input. */
const FILTER_MS = 500;
/** All of these are this part of the grace period at most. */
const PART_OF_GRACE = 4;

interface OrphansOptions {
  readonly stopSignal: number;
  readonly graceMs: number;
  /** The command's own process was not killed by the signal. */
  readonly parentHandledIt: boolean;
}

export class Orphans {
  readonly #options: OrphansOptions;
  /** Since when they have been without their parents. */
  readonly #since = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #toldAndHandling = new Set<number>();
  /** Parents as first seen. */
  readonly #parents = new Map<string, number>();
  #filtersAloneSince: number | null = null;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** `left`: all that lives of the command; `now`: milliseconds of a monotonic clock. */
  tell(left: readonly LivingProcess[], now: number): void {
    const pids = new Set(left.map(({ pid }) => pid));
    const parents = new Set(left.map(({ parent }) => parent));
    for (const one of left) this.#parents.set(keyOf(one), this.#parents.get(keyOf(one)) ?? one.parent);
    const orphans = left.filter((one) => !pids.has(one.parent) && !this.#told.has(keyOf(one)));
    const { stopSignal } = this.#options;
    const others = orphans.filter(({ pid }) => parents.has(pid) || catchesSignal(pid, stopSignal));
    for (const one of others) this.#tellInTime(one, now, this.#patience(one));
    // Those that were told may still write to them.
    if (others.length > 0 || left.length > orphans.length) {
      this.#filtersAloneSince = null;
      return;
    }
    this.#filtersAloneSince ??= now;
    for (const one of orphans) {
      this.#tellInTime(one, now, this.#patience(one), this.#filtersAloneSince + this.#partOfGrace(FILTER_MS));
    }
  }

  #tellInTime(one: LivingProcess, now: number, patienceMs: number, notBefore = 0): void {
    const since = this.#since.get(keyOf(one)) ?? now;
    this.#since.set(keyOf(one), since);
    if (now < Math.max(since + patienceMs, notBefore)) return;
    if (catchesSignal(one.pid, this.#options.stopSignal)) this.#toldAndHandling.add(one.pid);
    this.#told.add(keyOf(one));
    trySignal(one.pid, this.#options.stopSignal);
  }

  #patience(one: LivingProcess): number {
    const parent = this.#parents.get(keyOf(one)) ?? one.parent;
    const wasOthers = parent !== one.parent;
    const handled = wasOthers ? this.#toldAndHandling.has(parent) : this.#options.parentHandledIt;
    return this.#partOfGrace(handled ? MAYBE_TOLD_MS : UNTOLD_MS);
  }

  #partOfGrace(ms: number): number {
    return Math.min(ms, this.#options.graceMs / PART_OF_GRACE);
  }
}

const keyOf = ({ pid, started }: LivingProcess): string => `${pid} ${started}`;
