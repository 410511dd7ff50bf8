/**
 * Reads the details of runs that one tick asks for together. Their sizes are read first, so that nothing is read if they
 * are too large in total.
 */
import { NotFound } from '../../domain/errors.ts';
import type { RunId } from '../../domain/ids.ts';
import type { RunDetail, RunDetails } from '../../domain/run.ts';
import type { DetailsWanted, Runs } from '../../runs/records/runs.ts';
import type { RequestBudget } from '../budget/requestBudget.ts';

/** The promises that wait for each detail of a run. The response has the detail as often. */
type Wanted = Map<RunId, Map<RunDetail, PromiseWithResolvers<unknown>[]>>;

export class DetailLoader {
  readonly #runs: Pick<Runs, 'details' | 'detailBytes'>;
  readonly #budget: RequestBudget;
  #wanted: Wanted = new Map();
  #collecting = false;

  constructor(runs: Pick<Runs, 'details' | 'detailBytes'>, budget: RequestBudget) {
    this.#runs = runs;
    this.#budget = budget;
  }

  /** @throws NotFound if the run was removed, LimitExceeded, Unavailable */
  async load<Name extends RunDetail>(id: RunId, name: Name): Promise<RunDetails[Name]> {
    const names = this.#wanted.get(id) ?? new Map<RunDetail, PromiseWithResolvers<unknown>[]>();
    this.#wanted.set(id, names);
    const place = Promise.withResolvers<unknown>();
    const places = names.get(name);
    if (places === undefined) names.set(name, [place]);
    else places.push(place);
    if (!this.#collecting) void this.#readNext();
    this.#collecting = true;
    return (await place.promise) as RunDetails[Name];
  }

  async #readNext(): Promise<void> {
    // Resolvers of one level run in the microtasks of one turn. All of those run before this continues.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#budget.listsFilled();
    const wanted = [...this.#wanted];
    this.#wanted = new Map();
    this.#collecting = false;
    let read: readonly (Partial<RunDetails> | null)[] = [];
    let failure: unknown = null;
    try {
      read = await this.#read(wanted);
    } catch (error) {
      failure = error ?? new Error('could not read the details of runs');
    }
    for (const [i, [, names]] of wanted.entries()) {
      const details = read[i];
      for (const [name, places] of names) {
        for (const { resolve, reject } of places) {
          await this.#budget.slice();
          if (failure !== null) reject(failure);
          else if (details) resolve(details[name]);
          else reject(new NotFound('The run was removed while it was being read.'));
        }
      }
    }
  }

  async #read(
    counts: readonly (readonly [RunId, ReadonlyMap<RunDetail, readonly unknown[]>])[],
  ): Promise<readonly (Partial<RunDetails> | null)[]> {
    const wanted: DetailsWanted[] = counts.map(([id, names]) => ({ id, names: [...names.keys()] }));
    const bytes = await this.#runs.detailBytes(wanted);
    let all = 0;
    for (const [i, [, names]] of counts.entries()) {
      for (const [j, { length }] of [...names.values()].entries()) all += length * (bytes[i]?.[j] ?? 0);
    }
    await this.#budget.takeDetails(all);
    return await this.#runs.details(wanted, bytes, this.#budget.signal);
  }
}
