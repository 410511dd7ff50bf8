/** What the bench must show (issue 4), beside what it showed. Ratios count; absolute figures are the machine's. */
import type { Row } from '../parts/part.ts';

/** Rows by the name of their part, in the order of its sections. */
export type Results = Readonly<Record<string, readonly (readonly Row[])[]>>;

interface Target {
  readonly figure: string;
  readonly bound: 'at least' | 'at most';
  readonly wanted: number;
  /** NaN or undefined where it was not measured. */
  readonly measured: (results: Results) => number | undefined;
}

const rowsOf = (results: Results, part: string, section = 0): readonly Row[] => results[part]?.[section] ?? [];

const figure = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  return typeof value === 'number' ? value : Number.NaN;
};

const find = (rows: readonly Row[], letter: string, viewers: number, linesPerSecond?: number): Row | undefined =>
  rows.find(
    (row) =>
      String(row.contender).startsWith(letter) &&
      row.viewers === viewers &&
      (linesPerSecond === undefined || row.linesPerSecond === linesPerSecond),
  );

const floodRatio =
  (better: string, worse: string, viewers: number) =>
  (results: Results): number => {
    const rows = rowsOf(results, 'flood');
    const cost = (letter: string) => figure(find(rows, letter, viewers), 'cpuMicrosPerLine');
    return cost(worse) / cost(better);
  };

const flooded = (letter: string, viewers: number) => (results: Results) =>
  figure(find(rowsOf(results, 'flood'), letter, viewers), 'linesPerSecond');

const atRate = (letter: string, viewers: number, rate: number, name: string) => (results: Results) =>
  figure(find(rowsOf(results, 'rate'), letter, viewers, rate), name);

const where = (part: string, key: string, value: number, name: string) => (results: Results) =>
  figure(
    rowsOf(results, part).find((row) => row[key] === value),
    name,
  );

/** How much more the dearest row costs than the cheapest, percent. */
const spread = (section: number) => (results: Results) => {
  const costs = rowsOf(results, 'growth', section).map((row) => figure(row, 'cpuMicrosPerLine'));
  return costs.length === 0 ? Number.NaN : 100 * (Math.max(...costs) / Math.min(...costs) - 1);
};

const TARGETS: readonly Target[] = [
  {
    figure: 'D against B, CPU per line, 20 viewers',
    bound: 'at least',
    wanted: 60,
    measured: floodRatio('D', 'B', 20),
  },
  { figure: 'D against B, 100 viewers', bound: 'at least', wanted: 150, measured: floodRatio('D', 'B', 100) },
  { figure: 'D against A, 20 viewers', bound: 'at least', wanted: 15, measured: floodRatio('D', 'A', 20) },
  { figure: 'D against A, 100 viewers', bound: 'at least', wanted: 40, measured: floodRatio('D', 'A', 100) },
  { figure: 'C against B, 20 viewers', bound: 'at least', wanted: 8, measured: floodRatio('C', 'B', 20) },
  { figure: 'C against B, 100 viewers', bound: 'at least', wanted: 8, measured: floodRatio('C', 'B', 100) },
  { figure: 'D, lines/s to 100 viewers', bound: 'at least', wanted: 3_500_000, measured: flooded('D', 100) },
  { figure: 'D, lines/s to one viewer', bound: 'at least', wanted: 500_000, measured: flooded('D', 1) },
  {
    figure: "D against B's CPU, 100 viewers, 2,500 lines/s",
    bound: 'at least',
    wanted: 12,
    measured: (results) =>
      atRate('B', 100, 2500, 'cpuMicrosPerLine')(results) / atRate('D', 100, 2500, 'cpuMicrosPerLine')(results),
  },
  { figure: 'its p50, ms', bound: 'at most', wanted: 5, measured: atRate('D', 100, 2500, 'p50Ms') },
  { figure: 'its p99, ms', bound: 'at most', wanted: 15, measured: atRate('D', 100, 2500, 'p99Ms') },
  {
    figure: 'D, 500 viewers, 1,000 lines/s, p99, ms',
    bound: 'at most',
    wanted: 40,
    measured: atRate('D', 500, 1000, 'p99Ms'),
  },
  { figure: 'a line at rest, p50, ms', bound: 'at most', wanted: 3, measured: atRate('D', 1, 20, 'p50Ms') },
  {
    figure: "a command's line at rest, its executor included, p50, ms",
    bound: 'at most',
    wanted: 3,
    measured: where('command', 'viewers', 1, 'p50Ms'),
  },
  {
    figure: 'one executor, lines/s',
    bound: 'at least',
    wanted: 1_000_000,
    measured: where('append', 'secrets', 0, 'linesPerSecond'),
  },
  {
    figure: 'with 50 secrets',
    bound: 'at least',
    wanted: 500_000,
    measured: where('append', 'secrets', 50, 'linesPerSecond'),
  },
  {
    figure: 'replay to one viewer of D, lines/s',
    bound: 'at least',
    wanted: 600_000,
    measured: where('replay', 'viewers', 1, 'linesPerSecond'),
  },
  {
    figure: 'reads of Redis, 20 at once against one',
    bound: 'at most',
    wanted: 19,
    measured: (results) =>
      where('replay', 'viewers', 20, 'redisReads')(results) / where('replay', 'viewers', 1, 'redisReads')(results),
  },
  {
    figure: 'Redis bytes a line, 5 a batch',
    bound: 'at most',
    wanted: 45,
    measured: where('storage', 'linesPerBatch', 5, 'redisBytesPerLine'),
  },
  {
    figure: '10 a batch',
    bound: 'at most',
    wanted: 30,
    measured: where('storage', 'linesPerBatch', 10, 'redisBytesPerLine'),
  },
  {
    figure: 'in a flood',
    bound: 'at most',
    wanted: 15,
    measured: (results) => figure(rowsOf(results, 'storage').at(-1), 'redisBytesPerLine'),
  },
  {
    figure: 'a stalled viewer, kB',
    bound: 'at most',
    wanted: 256,
    measured: (results) => figure(rowsOf(results, 'stalled')[0], 'kilobytesEach'),
  },
  {
    figure: 'others slower by, percent',
    bound: 'at most',
    wanted: 5,
    measured: (results) => figure(rowsOf(results, 'stalled')[0], 'slowerPercent'),
  },
  { figure: 'CPU per line as a run grows, spread, percent', bound: 'at most', wanted: 20, measured: spread(0) },
  { figure: 'CPU per line beside idle runs, spread, percent', bound: 'at most', wanted: 20, measured: spread(1) },
];

/** One row for each figure that was measured. */
export const verdicts = (results: Results): Row[] =>
  TARGETS.flatMap(({ figure: name, bound, wanted, measured }) => {
    const value = measured(results) ?? Number.NaN;
    if (!Number.isFinite(value)) return [];
    const reached = bound === 'at least' ? value >= wanted : value <= wanted;
    return [{ figure: name, bound, wanted, measured: value, reached: reached ? 'yes' : 'NO' }];
  });
