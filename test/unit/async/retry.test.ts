import { expect, test, vi } from 'vitest';
import { doubling, isProgramError, retry } from '../../../src/async/retry.ts';

const never = new AbortController().signal;

test('repeats until it succeeds, pauses in between, and reports each failure with its number', async () => {
  const pauses: number[] = [];
  const failures: number[] = [];
  let left = 3;
  const result = await retry(() => (left-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve('there')), {
    signal: never,
    pauseMs: (n) => {
      pauses.push(n);
      return 0;
    },
    onFailure: (_error, n) => failures.push(n),
  });
  expect(result).toBe('there');
  expect(pauses).toEqual([1, 2, 3]);
  expect(failures).toEqual([1, 2, 3]);
});

test('a final error is thrown at once and not reported', async () => {
  const onFailure = vi.fn();
  const operation = vi.fn(() => Promise.reject(new TypeError('a bug')));
  await expect(
    retry(operation, { signal: never, pauseMs: () => 0, isFinal: isProgramError, onFailure }),
  ).rejects.toThrow('a bug');
  expect(operation).toHaveBeenCalledTimes(1);
  expect(onFailure).not.toHaveBeenCalled();
});

test('the signal ends a pause and an attempt that never settles, with its reason', async () => {
  const reason = new Error('the service stops');
  for (const operation of [() => Promise.reject(new Error('away')), () => new Promise<never>(() => undefined)]) {
    const stopping = new AbortController();
    const retrying = retry(operation, { signal: stopping.signal, pauseMs: () => 1_000_000 });
    setImmediate(() => stopping.abort(reason));
    await expect(retrying).rejects.toBe(reason);
  }
});

test('an operation does not start if the signal is already aborted', async () => {
  const operation = vi.fn(() => Promise.resolve());
  await expect(
    retry(operation, { signal: AbortSignal.abort(new Error('too late')), pauseMs: () => 0 }),
  ).rejects.toThrow('too late');
  expect(operation).not.toHaveBeenCalled();
});

test('the pause doubles up to its maximum', () => {
  expect([1, 2, 3, 4, 5, 60].map(doubling(100, 2000))).toEqual([100, 200, 400, 800, 1600, 2000]);
});
