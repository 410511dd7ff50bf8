import { expect, test } from 'vitest';
import { Outbox, type SealedBatch } from '../../../executor/outbox.ts';

const MIB = 1024 * 1024;
const batch = (firstSeq: number, bytes = 10): SealedBatch => ({
  firstSeq,
  count: 1,
  batch: Buffer.alloc(bytes),
  lines: 0,
  messageBytes: 0,
  closes: false,
  changes: {},
});
const seqs = (batches: readonly SealedBatch[] | null) => batches?.map((one) => one.firstSeq) ?? null;

test('what waits counts until it is acknowledged', () => {
  const outbox = new Outbox(8 * MIB);
  outbox.add(batch(1));
  outbox.add(batch(2));
  expect(outbox.waitingBytes).toBe(20);
  expect(outbox.peek()?.firstSeq).toBe(1);
  outbox.acknowledge(0);
  expect(outbox.waitingBytes).toBe(10);
  expect(outbox.peek()?.firstSeq).toBe(2);
});

test('what was stored is at hand from any point on, or said to be lost', () => {
  const outbox = new Outbox(8 * MIB);
  for (let seq = 5; seq <= 9; seq += 1) outbox.keep(batch(seq), 0);
  expect(seqs(outbox.keptBetween(7, 9))).toEqual([8, 9]);
  expect(seqs(outbox.keptBetween(4, 9))).toEqual([5, 6, 7, 8, 9]);
  expect(seqs(outbox.keptBetween(9, 9))).toEqual([]);
  expect(outbox.keptBetween(3, 9)).toBeNull();
  expect(outbox.keptBetween(12, 9)).toBeNull();
});

test('the oldest go after ten seconds and beyond 8 MiB, and the newest stays', () => {
  const outbox = new Outbox(8 * MIB);
  outbox.keep(batch(1), 0);
  outbox.keep(batch(2), 60_000);
  expect(outbox.keptBetween(0, 2)).toBeNull();
  expect(seqs(outbox.keptBetween(1, 2))).toEqual([2]);
  for (let seq = 3; seq <= 7; seq += 1) outbox.keep(batch(seq, 2 * MIB), 60_000);
  expect(outbox.keptBetween(2, 7)).toBeNull();
  expect(seqs(outbox.keptBetween(3, 7))).toEqual([4, 5, 6, 7]);
});
