/** A case of the table. */
import type { Random } from './random.ts';
import type { Verdict } from './verdict.ts';

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
}

/** Why a case cannot run on this machine: a line of its own in the table, neither passed nor failed. */
export class NotHere extends Error {
  override readonly name = 'NotHere';
}
