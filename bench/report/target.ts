/** A target of the bench, and how to find its figure in the results. */
import type { Row } from '../parts/part.ts';

/** Rows by the name of their part, in the order of its sections. */
export type Results = Readonly<Record<string, readonly (readonly Row[])[]>>;

/** Where a target comes from. */
export const GOAL = 'project goal';
export const FIRST = 'first measurement, 2026-11-28';

export interface Target {
  readonly figure: string;
  /** The parts that measure it. */
  readonly parts: readonly string[];
  readonly bound: 'at least' | 'at most';
  readonly target: number;
  readonly source: typeof GOAL | typeof FIRST;
  /** NaN if it was not measured. */
  readonly measured: (results: Results) => number;
}

export type Measured = Target['measured'];

export const rowsOf = (results: Results, part: string, section = 0): readonly Row[] => results[part]?.[section] ?? [];

export const figure = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  return typeof value === 'number' ? value : Number.NaN;
};

const contender = (part: string, letter: string, viewers: number, name: string) => (results: Results) =>
  figure(
    rowsOf(results, part).find((row) => String(row.contender).startsWith(letter) && row.viewers === viewers),
    name,
  );

/** How many times the CPU of `less` does `more` need per line? */
export const cpuRatio =
  (part: string, more: string, less: string, viewers: number): Measured =>
  (results) =>
    contender(part, more, viewers, 'cpuMicrosPerLine')(results) /
    contender(part, less, viewers, 'cpuMicrosPerLine')(results);

export const runloom = (part: string, viewers: number, name: string): Measured => contender(part, 'D', viewers, name);

/** The first row of the part, in any section, that has these values and the figure. */
export const where =
  (part: string, match: Row, name: string): Measured =>
  (results) => {
    const rows = (results[part] ?? []).flat();
    const fits = (row: Row): boolean => Object.entries(match).every(([key, value]) => row[key] === value);
    return figure(
      rows.find((row) => name in row && fits(row)),
      name,
    );
  };

/** How much more CPU the most expensive row needs than the cheapest one, percent. */
export const spread =
  (section: number): Measured =>
  (results) => {
    const costs = rowsOf(results, 'growth', section).map((row) => figure(row, 'cpuMicrosPerLine'));
    return costs.length === 0 ? Number.NaN : 100 * (Math.max(...costs) / Math.min(...costs) - 1);
  };
