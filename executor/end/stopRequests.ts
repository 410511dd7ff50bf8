import type { EpochMs } from '../../src/domain/events.ts';
import type { StopSequence } from '../command/stopSequence.ts';
import type { RedisClock } from '../redis/redisClock.ts';
import type { Outcome, StopCause } from './outcome.ts';

/**
 * What has asked the command to stop: a cancel, the timeout, a SIGTERM to the executor. The first one decides the
 * outcome. Requests can come before the command is started; `attach` then hands them on.
 */
export class StopRequests {
  readonly #clock: RedisClock;
  #sequence: StopSequence | null = null;
  #stop: { readonly stopCause: StopCause; readonly at: EpochMs } | null = null;
  /** When a cancel was noticed before any `#stop`. */
  #cancelAt: EpochMs | null = null;
  #isForced = false;
  #hasExited = false;

  constructor(clock: RedisClock) {
    this.#clock = clock;
  }

  /** A request to stop that is not a cancel has come. */
  get isStopped(): boolean {
    return this.#stop !== null;
  }

  cancel(force: boolean): void {
    if (this.#stop === null && !this.#hasExited) this.#cancelAt ??= this.#clock.now();
    if (force) this.#isForced = true;
    force ? this.#sequence?.kill() : this.#sequence?.start();
  }

  stop(stopCause: StopCause): void {
    this.#stop ??= { stopCause, at: this.#clock.now() };
    this.#sequence?.start();
  }

  /** Applies earlier and later requests to the command that was started. */
  attach(sequence: StopSequence): void {
    this.#sequence = sequence;
    if (this.#isForced) sequence.kill();
    else if (this.#stop !== null || this.#cancelAt !== null) sequence.start();
  }

  /** What decides the outcome of a command that is not started because it was to be stopped or cancelled. */
  beforeStart(): Pick<Outcome, 'at' | 'stopCause' | 'cancelFirst'> {
    return { at: this.#clock.now(), stopCause: null, cancelFirst: this.#stop === null, ...this.#stop };
  }

  /**
   * What decides the outcome of a command that exited at `at`. Requests after the exit change nothing, those before
   * its report reached us included.
   */
  atExit(at: EpochMs): Pick<Outcome, 'at' | 'stopCause' | 'cancelFirst'> {
    this.#hasExited = true;
    const stop = this.#stop !== null && this.#stop.at <= at ? this.#stop : { at, stopCause: null };
    return { ...stop, cancelFirst: this.#cancelAt !== null && this.#cancelAt <= at };
  }
}
