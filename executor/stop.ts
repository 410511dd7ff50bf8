/** How a command is stopped: SIGTERM to its group, SIGKILL after the grace period. */
import type { Command } from './command.ts';

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

export class StopLadder {
  readonly #command: Command;
  readonly #graceMs: number;
  #forget: (() => void) | null = null;
  #isOver = false;

  constructor(command: Command, graceMs: number) {
    this.#command = command;
    this.#graceMs = graceMs;
  }

  /** Begins the ladder; a second call changes nothing. */
  terminate(): void {
    if (this.#isOver || this.#forget !== null) return;
    this.#command.signalGroup('SIGTERM');
    this.#forget = after(this.#graceMs, () => this.kill());
  }

  /** The end of the ladder at once. */
  kill(): void {
    if (!this.#isOver) this.#command.signalGroup('SIGKILL');
  }

  /** The command has exited: its group's number may become another's. */
  over(): void {
    this.#forget?.();
    this.#isOver = true;
  }
}
