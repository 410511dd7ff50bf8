/** Repeats measurements in turns: what changes with time, such as the load of the machine, affects all alike. */

export interface Cell<T> {
  /** Shown as progress. */
  readonly name: string;
  readonly rounds: number;
  measure(): Promise<T>;
}

/** The samples of each cell, in the order of the cells. @throws what a cell throws */
export const inRounds = async <T>(cells: readonly Cell<T>[], say: (line: string) => void): Promise<T[][]> => {
  const answers = cells.map((): T[] => []);
  const all = cells.reduce((sum, { rounds }) => sum + rounds, 0);
  const last = Math.max(0, ...cells.map(({ rounds }) => rounds));
  let done = 0;
  for (let round = 1; round <= last; round += 1) {
    for (const [i, { name, rounds, measure }] of cells.entries()) {
      if (round > rounds) continue;
      done += 1;
      say(`${done}/${all} ${name}${rounds > 1 ? `, sample ${round} of ${rounds}` : ''}`);
      answers[i]?.push(await measure());
    }
  }
  return answers;
};
