/** The short form of `npm run abuse`. Times are not asserted, because other work on the machine changes them. */
import { expect, test } from 'vitest';
import { ABUSES } from '../abuse/abuses.ts';
import { openScene } from '../abuse/scene.ts';
import { runPhase } from '../abuse/soak.ts';
import { MOST_RSS } from '../abuse/table.ts';

test('under all abuses at once, the memory of the service stays bounded, and honest viewers lose nothing', async () => {
  await using scene = await openScene({ heavyRuns: 100, lightRuns: 1000 });
  const names = ABUSES.map(({ name }) => name);
  const result = await runPhase(scene, { names, seconds: 5, restSeconds: 0, viewers: 10, callers: 3 });
  expect(result).toMatchObject({ alive: true, faults: [] });
  expect(result.rss).toBeLessThan(MOST_RSS);
  expect(result.told).not.toBe('');
}, 180_000);
