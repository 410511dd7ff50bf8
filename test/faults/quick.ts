/** The quick form of a case, for the tests: fewer lines, a fixed seed (CHAOS_SEED for another). */
import { expect, test } from 'vitest';
import { type FaultCase, NotHere } from './faultCase.ts';
import { randomFrom } from './random.ts';
import { passed } from './verdict.ts';

const LINES = 6000;
const SECONDS = 2.5;
const TEST_MS = 90_000;

export const quick = (one: FaultCase): void => {
  test(
    one.title,
    async (context) => {
      const seed = Number(process.env.CHAOS_SEED ?? 1);
      try {
        const verdict = await one.run({ random: randomFrom(seed), lines: LINES, seconds: SECONDS });
        expect(passed(verdict), `seed ${seed}: ${JSON.stringify(verdict, null, 1)}`).toBe(true);
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        context.skip(error.message);
      }
    },
    TEST_MS,
  );
};
