import { expect, test } from 'vitest';
import { withDeadline } from '../../../src/async/deadline.ts';

const forever = (): Promise<never> => new Promise(() => undefined);

test("after the deadline it rejects, and the operation's signal is aborted with the same error", async () => {
  let given: AbortSignal | undefined;
  const late = new Error('Redis did not answer');
  const waiting = withDeadline(
    (signal) => {
      given = signal;
      return forever();
    },
    { ms: 1, late: () => late },
  );
  await expect(waiting).rejects.toBe(late);
  expect(given?.reason).toBe(late);
});

test("the caller's signal ends the operation before the deadline", async () => {
  const leaving = new AbortController();
  const waiting = withDeadline(forever, { ms: 1_000_000, signal: leaving.signal });
  leaving.abort(new Error('the client left'));
  await expect(waiting).rejects.toThrow('the client left');
});

test('before the deadline, the result or the error of the operation is passed on', async () => {
  await expect(withDeadline(() => Promise.resolve(1), { ms: 1_000_000 })).resolves.toBe(1);
  await expect(withDeadline(() => Promise.reject(new Error('refused')), { ms: 1_000_000 })).rejects.toThrow('refused');
});
