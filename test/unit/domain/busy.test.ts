/** A request that is refused because of other requests says when to try again. */
import { expect, test } from 'vitest';
import { Semaphore } from '../../../src/async/semaphore.ts';
import { Busy, LimitExceeded } from '../../../src/domain/errors.ts';
import { refusalError } from '../../../src/graphql/server/errorMask.ts';

test('a request that finds too many requests waiting is refused with retryAfterSeconds', async () => {
  const seats = new Semaphore(1, { what: 'large answers' });
  const leaving = new AbortController();
  await seats.acquire(leaving.signal);
  const waiting = Array.from({ length: 200 }, () => seats.acquire(leaving.signal));
  const refused = await seats.acquire(leaving.signal).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Busy);
  expect(refusalError(refused as Busy).extensions).toEqual({ code: 'LIMIT_EXCEEDED', retryAfterSeconds: 2 });
  leaving.abort();
  await Promise.allSettled(waiting);
});

test('a request that is itself too large is refused without retryAfterSeconds', () => {
  expect(refusalError(new LimitExceeded('One request lists at most 2000 runs.')).extensions).toEqual({
    code: 'LIMIT_EXCEEDED',
  });
});
