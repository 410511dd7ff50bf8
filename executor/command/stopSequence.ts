/** Stops a command: its stop signal first, and SIGKILL when the grace period is over (PROTOCOL.md, W13). */
import { pause } from '../../src/async/pause.ts';
import type { LivingProcess } from '../../src/system/processes.ts';
import { Orphans } from './orphans.ts';
import type { Exit } from './spawner.ts';
import { after } from './timers.ts';

/** Between two looks at the processes of a command that is being stopped. */
const LOOK_EVERY_MS = 50;

export interface StopTarget {
  readonly stopSignal: number;
  readonly graceMs: number;
  /** Signals the command's own process. */
  signal(signal: number): void;
  /** The command's other processes that run. */
  others(): readonly LivingProcess[];
  /** Sends SIGKILL to all of them. */
  killAll(): void;
}

/**
 * The stop signal goes to the command's own process alone, because wrappers pass it on. After that process has exited,
 * processes that still run get it (orphans.ts). SIGKILL goes to all that is left at the end of the grace period.
 */
export class StopSequence {
  readonly #target: StopTarget;
  #cancelKill: (() => void) | null = null;
  #hasExited = false;
  #isKilled = false;

  constructor(target: StopTarget) {
    this.#target = target;
  }

  /** Sends the stop signal and starts the grace period. Later calls, and calls after the exit, do nothing. */
  start(): void {
    if (this.#hasExited || this.#cancelKill !== null || this.#isKilled) return;
    this.#cancelKill = after(this.#target.graceMs, () => this.kill());
    this.#target.signal(this.#target.stopSignal);
  }

  /** Kills at once. */
  kill(): void {
    this.#isKilled = true;
    this.#cancelKill?.();
    this.#target.killAll();
  }

  /**
   * Call it when the command's own process has exited. If a stop is under way, resolves when no process of the command
   * runs, or all were killed at the end of the grace period. Else resolves at once. @throws the signal's reason
   */
  async untilGone(exit: Exit, signal: AbortSignal): Promise<void> {
    this.#hasExited = true;
    const { stopSignal, graceMs } = this.#target;
    const orphans = new Orphans({ stopSignal, graceMs, commandHandledIt: exit.signal === null });
    try {
      while (this.#cancelKill !== null && !this.#isKilled) {
        const left = this.#target.others();
        if (left.length === 0) return;
        orphans.signalDue(left, performance.now());
        await pause(LOOK_EVERY_MS, signal);
      }
    } finally {
      this.#cancelKill?.();
    }
  }
}
