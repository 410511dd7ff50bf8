/** A case of the table. */

import type { Verdict } from './follow/verdict.ts';
import type { Random } from './random.ts';

export interface FaultCase {
  /** As the issue numbers them. */
  readonly number: number;
  /** For --only. */
  readonly name: string;
  readonly title: string;
  /** @throws where the parts did not start; that is a failure too. */
  run(bench: Bench): Promise<Verdict>;
}

export interface Bench {
  readonly random: Random;
  /** Lines that a command writes; 50,000 in `npm run chaos`, less in the quick tests. */
  readonly lines: number;
  /** How long such a command takes, seconds. */
  readonly seconds: number;
  /** The short form: a minute that must pass is a few seconds, a hundred rounds are a few. */
  readonly quick: boolean;
  /** How often each way to die is tried. */
  readonly each: number;
  /** Of the ways to die, those alone whose name holds this. */
  readonly way: string;
  /** Tells how far a long case is. */
  progress(text: string): void;
}

export const WHOLE = { lines: 50_000, seconds: 12, quick: false, each: 100, way: '' } as const;
export const QUICK = { lines: 6000, seconds: 2.5, quick: true, each: 2, way: '' } as const;

/** Why a case cannot run on this machine: a line of its own in the table, neither passed nor failed. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}
