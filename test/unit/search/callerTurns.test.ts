import { expect, test, vi } from 'vitest';
import { LIMITS } from '../../../src/domain/limits.ts';
import { CallerTurns } from '../../../src/search/callerTurns.ts';

const STAYS = new AbortController().signal;

test('Q6: searches of one caller take turns, and do not delay those of others', async () => {
  const turns = new CallerTurns();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const all = [
    turns.run('a', () => first.promise.then(() => void done.push('a 1')), STAYS),
    turns.run('a', async () => void done.push('a 2'), STAYS),
    turns.run('b', async () => void done.push('b'), STAYS).then(() => first.resolve()),
  ];
  expect([turns.isAwaited('a'), turns.isAwaited('b')]).toEqual([true, false]);
  await Promise.all(all);
  expect(done).toEqual(['b', 'a 1', 'a 2']);
  expect(turns.callers).toBe(0);
});

test('Q6: a search that waits too long for its turn is refused, and can be tried again', async () => {
  const turns = new CallerTurns();
  const late = new AbortController();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    expect(ms).toBe(LIMITS.searchWaitMs);
    return late.signal;
  });
  const first = Promise.withResolvers<void>();
  const running = turns.run('a', () => first.promise, STAYS);
  const waiting = turns.run('a', async () => undefined, STAYS);
  await vi.waitFor(() => expect(turns.callers).toBe(1));
  late.abort(new DOMException('late', 'TimeoutError'));
  await expect(waiting).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', retryAfterSeconds: LIMITS.busySeconds });
  first.resolve();
  await running;
  expect(turns.callers).toBe(0);
  timeout.mockRestore();
});
