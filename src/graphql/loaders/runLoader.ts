/** Reads the runs that one tick asks for together. It caches nothing, because subscriptions live long. */
import type { RunId } from '../../domain/ids.ts';
import type { RunSummary } from '../../domain/run.ts';
import type { Runs } from '../../runs/records/runs.ts';
import type { RequestBudget } from '../budget/requestBudget.ts';

export class RunLoader {
  readonly #runs: Pick<Runs, 'getMany'>;
  readonly #budget: Pick<RequestBudget, 'takeLoads' | 'listsFilled'>;
  #wanted: Map<RunId, Promise<RunSummary | null>> | null = null;
  #batch: Promise<ReadonlyMap<RunId, RunSummary | null>> | null = null;

  constructor(runs: Pick<Runs, 'getMany'>, budget: Pick<RequestBudget, 'takeLoads' | 'listsFilled'>) {
    this.#runs = runs;
    this.#budget = budget;
  }

  /** The run, or null if there is none. @throws LimitExceeded, Unavailable */
  load(id: RunId): Promise<RunSummary | null> {
    this.#wanted ??= new Map();
    this.#batch ??= this.#readNext();
    const existing = this.#wanted.get(id);
    if (existing !== undefined) return existing;
    const found = this.#batch.then((runs) => runs.get(id) ?? null);
    this.#wanted.set(id, found);
    return found;
  }

  async #readNext(): Promise<ReadonlyMap<RunId, RunSummary | null>> {
    // Resolvers of one level run in the microtasks of one turn. All of those run before this continues.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#budget.listsFilled();
    const ids = [...(this.#wanted?.keys() ?? [])];
    this.#wanted = null;
    this.#batch = null;
    this.#budget.takeLoads(ids.length);
    const runs = await this.#runs.getMany(ids);
    return new Map(ids.map((id, index) => [id, runs[index] ?? null]));
  }
}
