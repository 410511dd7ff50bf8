/** How a command is stopped: its stop signal, and SIGKILL for all that is left after the grace period. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LivingProcess } from '../../src/system/processes.ts';
import { Orphans } from './orphans.ts';
import type { Exit } from './spawner.ts';

/** The longest that a timer of Node.js takes, milliseconds; more fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls `action` after any time, 30 days too. The returned function forgets it. */
export const after = (ms: number, action: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    const step = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => (left > step ? wait(left - step) : action()), step);
  };
  wait(ms);
  return () => clearTimeout(timer);
};

/** Calls `action` again and again. The returned function ends it. */
export const every = (ms: number, action: () => void): (() => void) => {
  const timer = setInterval(action, ms);
  return () => clearInterval(timer);
};

/** Between two looks at what is left of a command that is being stopped. */
const LOOK_EVERY_MS = 50;

export interface StopTarget {
  readonly stopSignal: number;
  readonly graceMs: number;
  /** To the command's own process. */
  signal(signal: number): void;
  /** What lives of the command beside that. */
  others(): readonly LivingProcess[];
  /** SIGKILL to all. */
  killAll(): void;
}

/**
 * The stop signal goes to the command's own process alone, since a wrapper passes it on. When that is gone, it goes to
 * those that live on (orphans.ts). SIGKILL goes to all that is left when the grace period has passed, not before.
 */
export class StopLadder {
  readonly #target: StopTarget;
  #forget: (() => void) | null = null;
  #hasExited = false;
  #isOver = false;

  constructor(target: StopTarget) {
    this.#target = target;
  }

  /** Begins the ladder. A second call changes nothing, nor does one after the command's exit. */
  terminate(): void {
    if (this.#hasExited || this.#forget !== null || this.#isOver) return;
    this.#forget = after(this.#target.graceMs, () => this.kill());
    this.#target.signal(this.#target.stopSignal);
  }

  /** The end of the ladder at once. */
  kill(): void {
    this.#isOver = true;
    this.#forget?.();
    this.#target.killAll();
  }

  /**
   * Call it when the command's own process has exited. Where a stop is under way, resolves when nothing of the command
   * lives any more, or all of it was killed at the end of the grace period; else at once. @throws the signal's reason
   */
  async untilGone(exit: Exit, signal: AbortSignal): Promise<void> {
    this.#hasExited = true;
    const { stopSignal, graceMs } = this.#target;
    const orphans = new Orphans({ stopSignal, graceMs, parentHandledIt: exit.signal === null });
    try {
      while (this.#forget !== null && !this.#isOver) {
        const left = this.#target.others();
        if (left.length === 0) return;
        orphans.tell(left, performance.now());
        await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    } finally {
      this.#forget?.();
    }
  }
}
