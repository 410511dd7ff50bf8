import { expect, test } from 'vitest';
import { Semaphore } from '../../../src/async/semaphore.ts';
import { Busy } from '../../../src/domain/errors.ts';

const never = new AbortController().signal;

test('the number of permits is limited; waiting callers get one in order, and a caller that aborts loses its turn', async () => {
  const semaphore = new Semaphore(1, { what: 'answers' });
  const release = await semaphore.acquire(never);
  const leaving = new AbortController();
  const order: string[] = [];
  const first = semaphore.acquire(leaving.signal).catch((error: unknown) => error);
  const second = semaphore.acquire(never).then((free) => {
    order.push('second');
    free();
  });
  const third = semaphore.run(() => Promise.resolve(order.push('third')));
  leaving.abort(new Error('left'));
  expect(await first).toEqual(new Error('left'));
  release();
  await Promise.all([second, third]);
  expect(order).toEqual(['second', 'third']);
});

test('releasing a permit twice frees it once', async () => {
  const semaphore = new Semaphore(1, { what: 'answers', maxWaiting: 0 });
  const release = await semaphore.acquire(never);
  release();
  release();
  await semaphore.acquire(never);
  await expect(semaphore.acquire(never)).rejects.toBeInstanceOf(Busy);
});

test('work that throws releases its permit', async () => {
  const semaphore = new Semaphore(1, { what: 'answers', maxWaiting: 0 });
  await expect(semaphore.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await expect(semaphore.run(() => Promise.resolve('done'))).resolves.toBe('done');
});
