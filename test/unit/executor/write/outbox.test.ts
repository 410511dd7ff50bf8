import { expect, test } from 'vitest';
import { Outbox } from '../../../../executor/write/outbox.ts';
import type { SealedBatch } from '../../../../src/wire/append.ts';

const MIB = 1024 * 1024;
const batch = (firstSeq: number, bytes = 10): SealedBatch => ({
  firstSeq,
  count: 1,
  batch: Buffer.alloc(bytes),
  lines: 0,
  messageBytes: 0,
  closes: false,
  changes: {},
  before: { lines: 0, bytes: 0 },
});
const seqs = (batches: readonly SealedBatch[]) => batches.map((one) => one.firstSeq);

test('a batch counts as waiting until it is acknowledged', () => {
  const outbox = new Outbox(8 * MIB);
  outbox.add(batch(1));
  outbox.add(batch(2));
  expect(outbox.waitingBytes).toBe(20);
  expect(outbox.peek()?.firstSeq).toBe(1);
  outbox.acknowledge(0);
  expect(outbox.waitingBytes).toBe(10);
  expect(outbox.peek()?.firstSeq).toBe(2);
});

test('stored batches can be read from any position, as far back as they are kept', () => {
  const outbox = new Outbox(8 * MIB);
  for (let seq = 5; seq <= 9; seq += 1) outbox.keep(batch(seq), 0);
  expect(seqs(outbox.keptAfter(7))).toEqual([8, 9]);
  expect(seqs(outbox.keptAfter(4))).toEqual([5, 6, 7, 8, 9]);
  expect(seqs(outbox.keptAfter(9))).toEqual([]);
  expect(seqs(outbox.keptAfter(2))).toEqual([5, 6, 7, 8, 9]);
});

test('W4a: sent batches are kept for ten seconds and up to 8 MiB; then the oldest is removed first', () => {
  const outbox = new Outbox(8 * MIB);
  outbox.keep(batch(1), 0);
  outbox.keep(batch(2), 60_000);
  expect(seqs(outbox.keptAfter(0))).toEqual([2]);
  for (let seq = 3; seq <= 7; seq += 1) outbox.keep(batch(seq, 2 * MIB), 60_000);
  expect(seqs(outbox.keptAfter(2))).toEqual([4, 5, 6, 7]);
});
