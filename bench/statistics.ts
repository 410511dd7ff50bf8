/** Medians and percentiles. */
import { LATENCY_STEP_MICROS } from './load/messages.ts';

export const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

/** A percentile of a histogram of latencies, ms. `share` is 0 to 1. NaN if the histogram is empty. */
export const percentileMs = (histogram: readonly (readonly [number, number])[], share: number): number => {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [step, count] of histogram) {
    seen += count;
    if (seen >= share * total) return ((step + 1) * LATENCY_STEP_MICROS) / 1000;
  }
  return Number.NaN;
};

/** The median of each member over several samples of one measurement. */
export const medians = <T extends Readonly<Record<string, number>>>(rows: readonly T[]): T => {
  const names = Object.keys(rows[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rows.map((row) => row[name] ?? Number.NaN))])) as T;
};
