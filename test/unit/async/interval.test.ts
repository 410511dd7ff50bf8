import { expect, test, vi } from 'vitest';
import { interval } from '../../../src/async/interval.ts';

test('no call starts while one is running, or after the stop', async () => {
  vi.useFakeTimers();
  try {
    let calls = 0;
    let finish = (): void => undefined;
    const stop = interval(() => {
      calls += 1;
      return new Promise((resolve) => {
        finish = resolve;
      });
    }, 1000);
    await vi.advanceTimersByTimeAsync(3500);
    expect(calls).toBe(1);
    finish();
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls).toBe(2);
    finish();
    stop();
    await vi.advanceTimersByTimeAsync(5000);
    expect(calls).toBe(2);
  } finally {
    vi.useRealTimers();
  }
});
