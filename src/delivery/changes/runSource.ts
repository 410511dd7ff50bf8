import { AutoResetEvent } from '../../async/autoResetEvent.ts';
import type { PullSource } from '../../async/pullIterator.ts';
import { NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import { isTerminal, type RunSummary } from '../../domain/run.ts';
import type { Following, Runs, RunUpdate } from '../../runs/records/runs.ts';
import { stateOf, whenAnswered } from './runState.ts';

/**
 * The run now, then its newest state after each change, and once a second while lines come. Changes while nobody asks are
 * one result.
 */
export class RunSource implements PullSource<RunSummary> {
  readonly #runs: Pick<Runs, 'get'>;
  readonly #runId: RunId;
  readonly #changed = new AutoResetEvent();
  #unfollow: () => void = () => undefined;
  #sent: string | null = null;
  #ended = false;
  #gone = false;

  private constructor(runs: Pick<Runs, 'get'>, runId: RunId) {
    this.#runs = runs;
    this.#runId = runId;
  }

  /** Waits while Redis is away. @throws NotFound, or the signal's reason */
  static async open(
    runs: Pick<Runs, 'get'>,
    { updates, caller }: Following,
    runId: RunId,
    signal: AbortSignal,
  ): Promise<RunSource> {
    const source = new RunSource(runs, runId);
    source.#changed.set();
    const onUpdate = (update: RunUpdate): void => {
      if (update.kind === 'DELETED') source.#gone = true;
      source.#changed.set();
    };
    source.#unfollow = await updates.follow({ caller, runId, onUpdate, onGap: () => source.#changed.set() }, signal);
    try {
      if ((await whenAnswered(() => runs.get(runId, signal), signal)) === null) throw new NotFound();
    } catch (error) {
      source.#unfollow();
      throw error;
    }
    return source;
  }

  async next(signal: AbortSignal): Promise<RunSummary | null> {
    while (!this.#ended) {
      await this.#changed.wait(signal);
      const run = this.#gone ? null : await whenAnswered(() => this.#runs.get(this.#runId, signal), signal);
      if (run === null) throw new NotFound();
      const state = stateOf(run);
      if (state === this.#sent) continue;
      this.#sent = state;
      this.#ended = isTerminal(run.status);
      return run;
    }
    return null;
  }

  close(): void {
    this.#unfollow();
  }
}
