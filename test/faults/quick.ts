/** The quick form of a case, for the tests: fewer lines, a fixed seed (CHAOS_SEED for another). */
import { expect, test } from 'vitest';
import { type FaultCase, NotHere, QUICK } from './faultCase.ts';
import { passed } from './follow/verdict.ts';
import { randomFrom } from './random.ts';

const TEST_MS = 90_000;

export const quick = (one: FaultCase): void => {
  test(
    one.title,
    async (context) => {
      const seed = Number(process.env.CHAOS_SEED ?? 1);
      try {
        const verdict = await one.run({ ...QUICK, random: randomFrom(seed), progress: () => undefined });
        expect(passed(verdict), `seed ${seed}: ${JSON.stringify(verdict, null, 1)}`).toBe(true);
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        context.skip(error.message);
      }
    },
    TEST_MS,
  );
};
