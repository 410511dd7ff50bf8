/** A case of the table. */
import type { Verdict } from './follow/verdict.ts';
import type { Random } from './random.ts';

export interface FaultCase {
  /** Its number in the list of faults; related cases share one. */
  readonly number: number;
  /** For --only. */
  readonly name: string;
  readonly title: string;
  /** @throws Error if the parts did not start, which is a failure too; NotHere */
  run(bench: Bench): Promise<Verdict>;
}

export interface Bench {
  readonly random: Random;
  /** Lines that a command writes: 50,000 in `npm run chaos`, fewer in the quick tests. */
  readonly lines: number;
  /** How long such a command takes, seconds. */
  readonly seconds: number;
  /** The short form: seconds instead of a minute, a few rounds instead of a hundred. */
  readonly quick: boolean;
  /** How often each way to die is tried. */
  readonly each: number;
  /** Only ways to die with this in their name. */
  readonly way: string;
  /** Shows the progress of a long case. */
  progress(text: string): void;
}

export const WHOLE = { lines: 50_000, seconds: 12, quick: false, each: 100, way: '' } as const;
export const QUICK = { lines: 6000, seconds: 2.5, quick: true, each: 2, way: '' } as const;

/** Why a case cannot run on this machine. It then counts neither as passed nor as failed. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}
