/** Repeats, interleaved: what others do to the machine meanwhile, or what changes with time, meets all alike. */

export interface Cell<T> {
  /** What who waits is told. */
  readonly name: string;
  readonly rounds: number;
  measure(): Promise<T>;
}

/** Each cell's measurements, in the cells' order. @throws what a cell threw */
export const inRounds = async <T>(cells: readonly Cell<T>[], say: (line: string) => void): Promise<T[][]> => {
  const answers = cells.map((): T[] => []);
  const all = cells.reduce((sum, { rounds }) => sum + rounds, 0);
  const last = Math.max(0, ...cells.map(({ rounds }) => rounds));
  let done = 0;
  for (let round = 1; round <= last; round += 1) {
    for (const [i, { name, rounds, measure }] of cells.entries()) {
      if (round > rounds) continue;
      done += 1;
      say(`${done}/${all} ${name}${rounds > 1 ? `, take ${round} of ${rounds}` : ''}`);
      answers[i]?.push(await measure());
    }
  }
  return answers;
};
