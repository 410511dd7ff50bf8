import { expect, test } from 'vitest';
import { BatchLoader } from '../../../src/async/batchLoader.ts';

test('keys that are loaded together need one request, and each caller gets its value', async () => {
  const requests: (readonly number[])[] = [];
  const loader = new BatchLoader<number, string>(async (keys) => {
    requests.push(keys);
    return keys.map((key) => (key === 3 ? null : `value ${key}`));
  });
  const loaded = await Promise.all([1, 2, 2, 3].map((key) => loader.load(key)));
  expect(loaded).toEqual(['value 1', 'value 2', 'value 2', null]);
  expect(requests).toEqual([[1, 2, 3]]);
});

test('at most four requests wait for a store that does not answer, and a key whose callers have aborted is not requested', async () => {
  const requests: (readonly number[])[] = [];
  const loader = new BatchLoader<number, string>((keys) => {
    requests.push(keys);
    return new Promise(() => undefined);
  }, 1);
  const leaving = new AbortController();
  const loads = Array.from({ length: 10 }, (_, key) => loader.load(key, leaving.signal).catch(() => 'left'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(requests).toEqual([[0], [1], [2], [3]]);
  expect(loader.waiting).toBe(6);
  leaving.abort();
  expect(await Promise.all(loads)).toEqual(Array.from({ length: 10 }, () => 'left'));
  expect(loader.waiting).toBe(0);
});

test('if a request fails, each of its callers gets the error', async () => {
  const loader = new BatchLoader<number, string>(() => Promise.reject(new Error('away')));
  const loads = await Promise.allSettled([1, 2].map((key) => loader.load(key)));
  expect(loads.map((one) => one.status)).toEqual(['rejected', 'rejected']);
});
