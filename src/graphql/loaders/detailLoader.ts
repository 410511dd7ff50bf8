/**
 * Collects the details of runs that one tick asks for into one question. Their sizes are looked at first: what is too
 * much in all is not read.
 */
import { NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetail, RunDetails } from '../../domain/run.ts';
import type { DetailsWanted, Runs } from '../../runs/records/runs.ts';
import type { RequestBudget } from '../budget/requestBudget.ts';

type Read = ReadonlyMap<RunId, Partial<RunDetails> | null>;
/** How often each detail of a run is asked for: the answer has it as often. */
type Wanted = Map<RunId, Map<RunDetail, number>>;

export class DetailLoader {
  readonly #runs: Pick<Runs, 'details' | 'detailBytes'>;
  readonly #budget: RequestBudget;
  #wanted: Wanted = new Map();
  #batch: Promise<Read> | null = null;

  constructor(runs: Pick<Runs, 'details' | 'detailBytes'>, budget: RequestBudget) {
    this.#runs = runs;
    this.#budget = budget;
  }

  /** @throws NotFound where the run is gone, LimitExceeded, Unavailable */
  async load<Name extends RunDetail>(id: RunId, name: Name): Promise<RunDetails[Name]> {
    this.#batch ??= this.#readNext();
    const batch = this.#batch;
    const names = this.#wanted.get(id) ?? new Map<RunDetail, number>();
    this.#wanted.set(id, names.set(name, (names.get(name) ?? 0) + 1));
    const details = (await batch).get(id);
    if (!details) throw new NotFound('The run was removed while it was read.');
    return details[name] as RunDetails[Name];
  }

  async #readNext(): Promise<Read> {
    // Resolvers of one level run in the microtasks of one turn, and all of those come before this.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const counts = [...this.#wanted];
    this.#wanted = new Map();
    this.#batch = null;
    const wanted: DetailsWanted[] = counts.map(([id, names]) => ({ id, names: [...names.keys()] }));
    const bytes = await this.#runs.detailBytes(wanted);
    let all = 0;
    for (const [i, [, names]] of counts.entries()) {
      for (const [j, count] of [...names.values()].entries()) all += count * (bytes[i]?.[j] ?? 0);
    }
    await this.#budget.takeDetails(all);
    const read = await this.#runs.details(wanted, bytes, this.#budget.signal);
    return new Map(wanted.map(({ id }, i) => [id, read[i] ?? null]));
  }
}
