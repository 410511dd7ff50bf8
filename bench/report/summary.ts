/** The few figures that docs/explanation/speed.md shows: who costs what at 100 viewers. */
import type { Row, Section } from '../parts/part.ts';
import type { Results } from './targets.ts';

const VIEWERS = 100;

const rowsOf = (results: Results, part: string): readonly Row[] => results[part]?.[0] ?? [];

/** One table, or none where no flood to 100 viewers was measured. */
export const summary = (results: Results): Section[] => {
  const rows = rowsOf(results, 'flood')
    .filter(({ viewers }) => viewers === VIEWERS)
    .map(({ contender = '', cpuMicrosPerLine = '', linesPerSecond = '', peakMb = '' }): Row => {
      const rate = rowsOf(results, 'rate').find((row) => row.viewers === VIEWERS && row.contender === contender);
      const { keptPercent = '', p50Ms = '', p99Ms = '' } = rate ?? {};
      return { contender, cpuMicrosPerLine, linesPerSecond, peakMb, keptPercent, p50Ms, p99Ms };
    });
  if (rows.length === 0) return [];
  return [{ title: `In short: ${VIEWERS} viewers, in a flood, and at 2,500 lines/s (kept, p50, p99)`, rows }];
};
