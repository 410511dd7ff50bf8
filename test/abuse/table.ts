/** The table of `npm run abuse`, and what counts as held. */
import type { PhaseResult } from './soak.ts';

const MIB = 1024 * 1024;
export const MOST_RSS = 700 * MIB;
/** Against rest, a p99 may grow to so many times; below the floor that is noise of the machine. */
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

export const HEAD = `${'abuse'.padEnd(NAME_WIDTH)}${COLUMNS.map(([name, width]) => name.padStart(width)).join('')}  verdict  what the abuser was told`;
export const LEGEND = `p50, p99: ms that honest callers waited. lines p99: ms from a line's print to its viewers. failed: calls without data.
lost: faults of honest viewers (a hole, a wrong digest, no end). RSS: peak, MiB. Held: the service lives, RSS is below ${MOST_RSS / MIB},
nothing is lost, no call failed, and no p99 is over ${TIMES} times its value at rest (or ${FLOOR_MS} ms).`;

/** What did not hold. */
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
