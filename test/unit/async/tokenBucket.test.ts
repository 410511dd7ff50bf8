import { expect, test, vi } from 'vitest';
import { TokenBucket } from '../../../src/async/tokenBucket.ts';

test('S6b: a burst passes at once, then the given number per second', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const bucket = new TokenBucket({ burst: 10, perSecond: 2 });
  for (let i = 0; i < 10; i += 1) expect(bucket.take(1)).toBe(true);
  vi.advanceTimersByTime(1000);
  expect([bucket.take(1), bucket.take(1)]).toEqual([true, true]);
  expect(bucket.take(1)).toBe(false);
  vi.advanceTimersByTime(3_600_000);
  for (let i = 0; i < 10; i += 1) expect(bucket.take(1)).toBe(true);
  expect(bucket.take(1)).toBe(false);
  vi.useRealTimers();
});
