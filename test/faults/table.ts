/** The table of `npm run chaos`. */
import type { Verdict } from './follow/verdict.ts';

export interface Outcome {
  readonly number: number;
  readonly name: string;
  readonly seed: number;
  readonly seconds: number;
  /** Null if the case threw or cannot run here. */
  readonly verdict: Verdict | null;
  /** passed, FAILED, or why it cannot run here. */
  readonly state: string;
}

const COLUMNS = [
  ['faults', 8],
  ['delivered', 11],
  ['lost', 6],
  ['twice', 6],
  ['order', 6],
  ['stuck', 6],
  ['end', 5],
  ['digest', 7],
  ['plain lost', 20],
  ['s', 5],
  ['seed', 11],
] as const;
const NAME_WIDTH = 27;

export const HEAD = `${'   case'.padEnd(NAME_WIDTH)}${COLUMNS.map(([name, width]) => name.padStart(width)).join('')}`;

export const LEGEND: readonly string[] = [
  'faults: injected faults; 0 is a failure. delivered: lines that all viewers received together. lost, twice, order: lines that were',
  'lost, came twice, or came out of order (or with a seq that another line had). stuck: viewers without an end. plain lost: lines that',
  'viewers of a plain design (SUBSCRIBE, then ws.send) lost in the same case, of all lines that they should have received.',
];

export const row = ({ number, name, seed, seconds, verdict, state }: Outcome): string => {
  const label = `${String(number).padStart(2)} ${name}`.padEnd(NAME_WIDTH);
  if (verdict === null) return `${label} ${state} (seed ${seed})`;
  const { faults, delivered, lost, repeated, disordered, stuck, endRight, digestRight, plainLost, plainOf } = verdict;
  const percent = plainOf === 0 ? '-' : `${plainLost}/${plainOf} ${((100 * plainLost) / plainOf).toFixed(0)}%`;
  const digest = digestRight === null ? '-' : digestRight ? 'ok' : 'NO';
  const all = [faults, delivered, lost, repeated, disordered, stuck, endRight ? 'ok' : 'NO', digest, percent];
  const cells = [...all, Math.round(seconds), seed].map((cell, at) => String(cell).padStart(COLUMNS[at]?.[1] ?? 0));
  return `${label}${cells.join('')}${state === 'FAILED' ? '  FAILED' : ''}`;
};
