/** The table of `npm run abuse`, and the conditions that must hold. */
import type { PhaseResult } from './soak.ts';

const MIB = 1024 * 1024;
export const MOST_RSS = 700 * MIB;
/** A p99 may be so many times its value at rest; below the floor, a difference is noise. */
const TIMES = 3;
const FLOOR_MS = 50;

const COLUMNS = [
  ['p50', 7],
  ['p99', 8],
  ['lines p99', 11],
  ['failed', 8],
  ['lost', 6],
  ['RSS', 7],
] as const;
const NAME_WIDTH = 24;

export const HEAD = `${'abuse'.padEnd(NAME_WIDTH)}${COLUMNS.map(([name, width]) => name.padStart(width)).join('')}  verdict  answers to the abuser`;
export const LEGEND = `p50, p99: time that honest callers waited, ms. lines p99: time from the printing of a line to its viewers, ms. failed: calls
without data. lost: faults of honest viewers (a hole, a wrong digest, no end). RSS: peak memory of the service, MiB. held: the
service is alive, RSS is at most ${MOST_RSS / MIB}, nothing is lost, no call failed, and no p99 is above ${TIMES} times its value at rest (or ${FLOOR_MS} ms).`;

/** The conditions that did not hold. */
export const problems = (result: PhaseResult, rest: PhaseResult): readonly string[] => {
  const found: string[] = [];
  if (!result.alive) found.push('the service ended');
  if (result.rss > MOST_RSS) found.push('memory');
  if (result.faults.length > 0) found.push('lost');
  if (result.failed > 0) found.push('failed');
  const slow = (now: number, before: number): boolean => !(now <= Math.max(before * TIMES, FLOOR_MS));
  if (slow(result.callP99, rest.callP99)) found.push('slow calls');
  if (slow(result.lineP99, rest.lineP99)) found.push('slow lines');
  return found;
};

export const row = (name: string, result: PhaseResult, rest: PhaseResult): string => {
  const { callP50, callP99, lineP99, failed, faults, rss } = result;
  const cells = [
    callP50.toFixed(0),
    callP99.toFixed(0),
    lineP99.toFixed(0),
    failed,
    faults.length,
    (rss / MIB).toFixed(0),
  ];
  const bad = problems(result, rest);
  const verdict = bad.length === 0 ? 'held' : `FAILED (${bad.join(', ')})`;
  return `${name.padEnd(NAME_WIDTH)}${cells.map((cell, i) => String(cell).padStart(COLUMNS[i]?.[1] ?? 0)).join('')}  ${verdict}  ${result.told}`;
};
