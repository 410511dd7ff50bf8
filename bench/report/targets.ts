/** What the bench must show, beside what it showed. Ratios count; absolute figures are those of the machine. */
import type { Row } from '../parts/part.ts';

/** Rows by the name of their part, in the order of its sections. */
export type Results = Readonly<Record<string, readonly (readonly Row[])[]>>;

interface Target {
  readonly figure: string;
  /** The part that measures it. */
  readonly part: string;
  readonly bound: 'at least' | 'at most';
  readonly wanted: number;
  /** NaN where it was not measured. */
  readonly measured: (results: Results) => number;
}

const rowsOf = (results: Results, part: string, section = 0): readonly Row[] => results[part]?.[section] ?? [];

const figure = (row: Row | undefined, name: string): number => {
  const value = row?.[name];
  return typeof value === 'number' ? value : Number.NaN;
};

const find = (results: Results, part: string, letter: string, viewers: number): Row | undefined =>
  rowsOf(results, part).find((row) => String(row.contender).startsWith(letter) && row.viewers === viewers);

const ratio =
  (part: string, better: string, worse: string, viewers: number) =>
  (results: Results): number => {
    const cost = (letter: string) => figure(find(results, part, letter, viewers), 'cpuMicrosPerLine');
    return cost(worse) / cost(better);
  };

const followed = (part: string, viewers: number, name: string) => (results: Results) =>
  figure(find(results, part, 'D', viewers), name);

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

const atLeast = (part: string, wanted: number, name: string, measured: Target['measured']): Target => ({
  ...{ figure: name, part, bound: 'at least', wanted, measured },
});
const atMost = (part: string, wanted: number, name: string, measured: Target['measured']): Target => ({
  ...{ figure: name, part, bound: 'at most', wanted, measured },
});

/** From the log's writing on, and from a command's write on, its executor included. */
const latency = (viewers: number, share: 'p50' | 'p99', wanted: number, name: string): readonly Target[] => [
  atMost('rate', wanted, `${name}, ${share} ms, from the append`, followed('rate', viewers, `${share}Ms`)),
  atMost('command', wanted, `${name}, ${share} ms, from a command's write`, followed('command', viewers, `${share}Ms`)),
];

const TARGETS: readonly Target[] = [
  atLeast('flood', 60, 'D against B, CPU per line, flood, 20 viewers', ratio('flood', 'D', 'B', 20)),
  atLeast('flood', 150, 'D against B, 100 viewers', ratio('flood', 'D', 'B', 100)),
  atLeast('flood', 15, 'D against A, 20 viewers', ratio('flood', 'D', 'A', 20)),
  atLeast('flood', 40, 'D against A, 100 viewers', ratio('flood', 'D', 'A', 100)),
  atLeast('flood', 8, 'C against B, 20 viewers', ratio('flood', 'C', 'B', 20)),
  atLeast('flood', 8, 'C against B, 100 viewers', ratio('flood', 'C', 'B', 100)),
  atLeast('flood', 3_500_000, 'D, lines/s to 100 viewers', followed('flood', 100, 'linesPerSecond')),
  atLeast('flood', 500_000, 'D, lines/s to one viewer', followed('flood', 1, 'linesPerSecond')),
  atLeast('rate', 12, "D against B's CPU, 100 viewers, 2,500 lines/s", ratio('rate', 'D', 'B', 100)),
  ...latency(100, 'p50', 5, 'D, 100 viewers, 2,500 lines/s'),
  ...latency(100, 'p99', 15, 'D, 100 viewers, 2,500 lines/s'),
  ...latency(500, 'p99', 40, 'D, 500 viewers, 1,000 lines/s'),
  ...latency(1, 'p50', 3, 'D, a single line at rest'),
  atLeast('append', 1_000_000, 'one executor, lines/s', where('append', 'secrets', 0, 'linesPerSecond')),
  atLeast('append', 500_000, 'with 50 secrets masked', where('append', 'secrets', 50, 'linesPerSecond')),
  atLeast('replay', 600_000, 'replay to one viewer of D, lines/s', followed('replay', 1, 'linesPerSecond')),
  atMost(
    'replay',
    19,
    'reads of Redis, 20 replays at once against one',
    (results) => followed('replay', 20, 'redisReads')(results) / followed('replay', 1, 'redisReads')(results),
  ),
  atMost('storage', 45, 'Redis bytes a line, 5 a batch', where('storage', 'linesPerBatch', 5, 'redisBytesPerLine')),
  atMost('storage', 30, '10 a batch', where('storage', 'linesPerBatch', 10, 'redisBytesPerLine')),
  atMost('storage', 15, 'in a flood', (results) => figure(rowsOf(results, 'storage').at(-1), 'redisBytesPerLine')),
  atMost('stalled', 256, 'a stalled viewer, kB', (results) => figure(rowsOf(results, 'stalled')[0], 'kilobytesEach')),
  atMost('stalled', 5, 'others slower by, percent', (results) =>
    figure(rowsOf(results, 'stalled')[0], 'slowerPercent'),
  ),
  atMost('growth', 20, 'CPU per line, runs of 10,000 to 2,000,000 lines, spread, percent', spread(0)),
  atMost('growth', 20, 'CPU per line beside 10 to 1,000 idle runs, spread, percent', spread(1)),
];

/** One row for each target of these parts, whether it could be measured or not. */
export const verdicts = (results: Results, parts: readonly string[]): Row[] =>
  TARGETS.filter(({ part }) => parts.includes(part)).map(({ figure: name, bound, wanted, measured }) => {
    const value = measured(results);
    if (!Number.isFinite(value)) return { figure: name, bound, wanted, measured: '-', reached: 'not measured' };
    const reached = bound === 'at least' ? value >= wanted : value <= wanted;
    return { figure: name, bound, wanted, measured: value, reached: reached ? 'yes' : 'NO' };
  });
