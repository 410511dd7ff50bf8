/** How much a fuzz test tries: little in `npm test`; with FUZZ_CASES as much as wanted, and with FUZZ_SEED other cases. */
import { type Random, randomFrom } from '../faults/random.ts';

export interface Fuzz {
  readonly cases: number;
  readonly random: Random;
}

/** @param quick cases in `npm test` */
export const openFuzz = (quick: number): Fuzz => {
  const cases = Number(process.env.FUZZ_CASES ?? quick);
  const random = randomFrom(Number(process.env.FUZZ_SEED ?? 1));
  process.stdout.write(`fuzz: ${cases} cases, FUZZ_SEED=${random.seed}\n`);
  return { cases, random };
};
