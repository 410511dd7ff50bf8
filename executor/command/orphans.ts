/**
 * Sends the stop signal to processes whose parents have exited (PROTOCOL.md, W13). Many programs take a second signal
 * as "quit now", and a filter that is killed loses the last lines of those that write to it. So each process is
 * signalled once, after its parent has exited. It first gets time to end by itself if its parent can have passed the
 * signal on, or if it can be a filter.
 */
import { catchesSignal, type LivingProcess, trySignal } from '../../src/system/processes.ts';

/** Delay after the exit of a parent that the signal killed: it passed nothing on. */
const PARENT_KILLED_MS = 100;
/** Delay after the exit of a parent that handled the signal: it can have passed it on. */
const PARENT_HANDLED_MS = 2000;
/** Extra delay for filters, once nothing else is left: a filter ends when it has read its input. */
const FILTER_MS = 500;
/** Each of these is at most this fraction of the grace period. */
const FRACTION_OF_GRACE = 1 / 4;

interface OrphansOptions {
  readonly stopSignal: number;
  readonly graceMs: number;
  /** The command's own process was not killed by the signal. */
  readonly commandHandledIt: boolean;
}

export class Orphans {
  readonly #options: OrphansOptions;
  /** When each process lost its parent. */
  readonly #orphanedAt = new Map<string, number>();
  readonly #signalled = new Set<string>();
  readonly #signalledWithHandler = new Set<number>();
  /** The parent of each process when it was first seen. */
  readonly #firstParents = new Map<string, number>();
  #onlyFiltersSince: number | null = null;

  constructor(options: OrphansOptions) {
    this.#options = options;
  }

  /** `left`: all processes of the command that run. `now`: milliseconds of a monotonic clock. */
  signalDue(left: readonly LivingProcess[], now: number): void {
    const pids = new Set(left.map(({ pid }) => pid));
    const parents = new Set(left.map(({ parent }) => parent));
    for (const one of left) this.#firstParents.set(keyOf(one), this.#firstParents.get(keyOf(one)) ?? one.parent);
    const orphans = left.filter((one) => !pids.has(one.parent) && !this.#signalled.has(keyOf(one)));
    const { stopSignal } = this.#options;
    // Without a handler and without children it can be a filter.
    const others = orphans.filter(({ pid }) => parents.has(pid) || catchesSignal(pid, stopSignal));
    for (const one of others) this.#signalIfDue(one, now);
    // Processes that were signalled can still write to filters.
    if (others.length > 0 || left.length > orphans.length) {
      this.#onlyFiltersSince = null;
      return;
    }
    this.#onlyFiltersSince ??= now;
    for (const one of orphans) this.#signalIfDue(one, now, this.#onlyFiltersSince + this.#bounded(FILTER_MS));
  }

  #signalIfDue(one: LivingProcess, now: number, notBefore = 0): void {
    const since = this.#orphanedAt.get(keyOf(one)) ?? now;
    this.#orphanedAt.set(keyOf(one), since);
    if (now < Math.max(since + this.#delayOf(one), notBefore)) return;
    if (catchesSignal(one.pid, this.#options.stopSignal)) this.#signalledWithHandler.add(one.pid);
    this.#signalled.add(keyOf(one));
    trySignal(one.pid, this.#options.stopSignal);
  }

  #delayOf(one: LivingProcess): number {
    const parent = this.#firstParents.get(keyOf(one)) ?? one.parent;
    const hadOtherParent = parent !== one.parent;
    const handled = hadOtherParent ? this.#signalledWithHandler.has(parent) : this.#options.commandHandledIt;
    return this.#bounded(handled ? PARENT_HANDLED_MS : PARENT_KILLED_MS);
  }

  #bounded(ms: number): number {
    return Math.min(ms, this.#options.graceMs * FRACTION_OF_GRACE);
  }
}

const keyOf = ({ pid, started }: LivingProcess): string => `${pid} ${started}`;
