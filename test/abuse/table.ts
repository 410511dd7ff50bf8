/** The table of `npm run abuse`, and the conditions that must hold. */
import { NICE, type PhaseResult, type Waits } from './soak.ts';

const MIB = 1024 * 1024;
export const MOST_RSS = 700 * MIB;
/** A p99 may be so many times its value at rest; below the floor, a difference is noise. */
const TIMES = 3;
const FLOOR_MS = 50;

const HEADINGS = [
  'abuse',
  'calls p50',
  'calls p99: at rest',
  'neighbour',
  'abused',
  'lines p99: at rest',
  'neighbour',
  'abused',
  'work p99: at rest',
  'abused',
  'longest work',
  'failed',
  'lost',
  'RSS',
  'load',
  'verdict',
  'answers to the abuser',
] as const;
const NAME_WIDTH = 24;
/** Columns from here on are texts of any length. */
const FIRST_TEXT = HEADINGS.indexOf('verdict');

export const LEGEND = `Times are in ms. calls: how long honest callers waited. lines: from the printing of a line to its viewers. at rest: without
an abuser. neighbour: the same abusers attack another service on this machine, and so compete for its CPU alone. abused: they attack
this service. work: the CPU time that the service used while a caller waited; other programs of the machine do not count.
longest work: the most CPU time that the service used without a pause. failed: calls without data. lost: faults of honest
viewers (a hole, a wrong digest, no end). RSS: peak memory of the service, MiB. load: load average of the machine at the end. Abusers run
with a lower priority (nice ${NICE}), because an abuser on another machine would use no CPU here.
held: the service is alive, RSS is at most ${MOST_RSS / MIB}, nothing is lost, no call failed, and no p99 is above ${TIMES} times its value at rest (or ${FLOOR_MS} ms).
held, as beside a neighbour: the same, but a p99 is above ${TIMES} times its value at rest, and not above ${TIMES} times its value beside a
neighbour: the CPU was short, and the service did not let honest clients wait for the abuser.`;

const slow = (now: number, before: number): boolean => !(now <= Math.max(before * TIMES, FLOOR_MS));

const slowAgainst = ({ abused }: PhaseResult, before: Waits): readonly string[] => [
  ...(slow(abused.callP99, before.callP99) ? ['slow calls'] : []),
  ...(slow(abused.lineP99, before.lineP99) ? ['slow lines'] : []),
];

/** The conditions that did not hold, whatever else the machine was doing. */
export const problems = (result: PhaseResult): readonly string[] => {
  const { alive, rss, faults, failed, rest, neighbour } = result;
  const found: string[] = [];
  if (!alive) found.push('the service ended');
  if (rss > MOST_RSS) found.push('memory');
  if (faults.length > 0) found.push('lost');
  if (failed > 0) found.push('failed');
  const besides = neighbour === null ? null : slowAgainst(result, neighbour);
  found.push(...slowAgainst(result, rest).filter((what) => besides?.includes(what) !== false));
  return found;
};

const verdict = (result: PhaseResult): string => {
  const bad = problems(result);
  if (bad.length > 0) return `FAILED (${bad.join(', ')})`;
  return slowAgainst(result, result.rest).length === 0 ? 'held' : 'held, as beside a neighbour';
};

const cells = (name: string, result: PhaseResult): readonly string[] => {
  const { rest, neighbour, abused, longestWork, failed, faults, rss, load, told } = result;
  const ms = (value: number | undefined): string => value?.toFixed(0) ?? '-';
  return [
    name,
    ms(abused.callP50),
    ms(rest.callP99),
    ms(neighbour?.callP99),
    ms(abused.callP99),
    ms(rest.lineP99),
    ms(neighbour?.lineP99),
    ms(abused.lineP99),
    ms(rest.workP99),
    ms(abused.workP99),
    ms(longestWork),
    String(failed),
    String(faults.length),
    (rss / MIB).toFixed(0),
    load.toFixed(1),
    verdict(result),
    told,
  ];
};

const laidOut = (row: readonly string[]): string =>
  row
    .map((cell, i) =>
      i === 0 ? cell.padEnd(NAME_WIDTH) : i < FIRST_TEXT ? `  ${cell.padStart(HEADINGS[i]?.length ?? 0)}` : `  ${cell}`,
    )
    .join('');

export const HEAD = laidOut(HEADINGS);
export const row = (name: string, result: PhaseResult): string => laidOut(cells(name, result));

const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
/** The whole as a table of Markdown. */
export const markdown = (rows: readonly (readonly [name: string, result: PhaseResult])[]): string =>
  [
    line(HEADINGS),
    line(HEADINGS.map((_name, i) => (i === 0 || i >= FIRST_TEXT ? '---' : '---:'))),
    ...rows.map(([name, result]) => line(cells(name, result))),
  ].join('\n');
