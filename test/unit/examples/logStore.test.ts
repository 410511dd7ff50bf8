import { expect, test, vi } from 'vitest';
import { createLogStore, type LogEvent } from '../../../examples/logStore.ts';

const line = (seq: number, message = `line ${seq}`): LogEvent =>
  ({ __typename: 'LogLine', seq, message, stream: 'STDOUT', level: 'INFO', fields: null }) as LogEvent;
const lines = (from: number, count: number, message?: string): LogEvent[] =>
  Array.from({ length: count }, (_, i) => line(from + i, message));

test('keeps every event up to its limit, in order, and notifies once for many batches', async () => {
  const store = createLogStore();
  const told = vi.fn<() => void>();
  const before = store.snapshot();
  store.subscribe(told);
  for (let i = 0; i < 100; i += 1) store.append(lines(i * 100 + 1, 100));
  expect(store.snapshot()).toBe(before);
  await vi.waitUntil(() => told.mock.calls.length > 0, { timeout: 20_000 });
  expect(told).toHaveBeenCalledOnce();
  expect(store.snapshot()).toEqual({ count: 10_000, dropped: 0, lastSeq: 10_000, isFinished: false });
  expect([0, 4095, 4096, 9_999].map((row) => store.at(row)?.seq)).toEqual([1, 4096, 4097, 10_000]);
  expect(store.all().map(({ seq }) => seq)).toEqual(lines(1, 10_000).map(({ seq }) => seq));
});

test.each([
  ['events', 2_000_000, 'x', 1_048_576],
  ['text', 40_000, 'x'.repeat(65_536), 4_096],
])('drops the oldest events beyond its limit of %s, and counts them', async (_, total, message, most) => {
  const store = createLogStore();
  for (let seq = 1; seq <= total; seq += 1000) store.append(lines(seq, 1000, message));
  await vi.waitUntil(() => store.snapshot().lastSeq === total, { timeout: 20_000 });
  const { count, dropped } = store.snapshot();
  expect(count).toBeLessThanOrEqual(most);
  expect(count).toBeGreaterThan(most / 3);
  expect(count + dropped).toBe(total);
  expect(store.at(0)?.seq).toBe(dropped + 1);
  expect(store.at(count - 1)?.seq).toBe(total);
});
