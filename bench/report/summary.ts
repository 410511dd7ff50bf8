/** The figures that docs/explanation/speed.md shows: all contenders with 100 viewers. */
import type { Row, Section } from '../parts/part.ts';
import type { Results } from './target.ts';

const VIEWERS = 100;
const NOTE =
  'CPU per line, lines per second and peak memory are those of a flood. "delivered %", p50 and p99 are those of a fixed ' +
  'rate of 2,500 lines/s: the share of it that reached the viewers, and the time from append to receipt.';

const rowsOf = (results: Results, part: string): readonly Row[] => results[part]?.[0] ?? [];

/** One table, or none if no flood to 100 viewers was measured. */
export const summary = (results: Results): Section[] => {
  const rows = rowsOf(results, 'flood')
    .filter(({ viewers }) => viewers === VIEWERS)
    .map(({ contender = '', cpuMicrosPerLine = '', linesPerSecond = '', peakMb = '' }): Row => {
      const rate = rowsOf(results, 'rate').find((row) => row.viewers === VIEWERS && row.contender === contender);
      const { deliveredPercent = '', p50Ms = '', p99Ms = '' } = rate ?? {};
      return { contender, cpuMicrosPerLine, linesPerSecond, peakMb, deliveredPercent, p50Ms, p99Ms };
    });
  if (rows.length === 0) return [];
  return [{ title: `Summary: ${VIEWERS} viewers of one run`, note: NOTE, rows }];
};
