import { expect, test } from 'vitest';
import { SmallBatches } from '../../../../executor/write/smallBatches.ts';
import type { SealedBatch } from '../../../../src/wire/append.ts';
import { BatchBuilder } from '../../../../src/wire/batchBuilder.ts';

const BUDGET = 2 ** 28;
const LINE = `${'a line of a hundred bytes as they come from a command '.repeat(2).slice(0, 99)}\n`;

const batch = (firstSeq: number, lines: number): SealedBatch => {
  const builder = new BatchBuilder();
  builder.addLines('STDOUT', 1, Buffer.from(LINE.repeat(lines)), lines);
  const { count, messageBytes } = builder;
  const rest = { closes: false, changes: {}, before: { lines: 0, bytes: 0 } };
  return { ...rest, firstSeq, count, lines, messageBytes, batch: builder.seal(firstSeq, 1) };
};

/** Number of batches with so many lines until compaction is due. */
const gathered = (lines: number, waiting: SealedBatch | undefined, budget = BUDGET): number => {
  const tail = new SmallBatches(budget);
  let batches = 0;
  for (; !tail.isDue(waiting) && batches < 1000; batches += 1) tail.add(batch(1 + batches * lines, lines));
  return batches;
};

test('small batches gather up to a size and a number; fewer if no batch waits than if one does', () => {
  expect(gathered(5, undefined)).toBe(98);
  expect(gathered(5, batch(1, 5))).toBe(130);
  const short = new SmallBatches(BUDGET);
  const one = batch(1, 1);
  for (let seq = 1; seq <= 511; seq += 1) short.add({ ...one, firstSeq: seq, batch: one.batch.subarray(0, 20) });
  expect(short.isDue(undefined)).toBe(true);
  expect(short.isDue(one)).toBe(false);
  short.add({ ...one, firstSeq: 512 });
  expect(short.isDue(one)).toBe(true);
  expect(short.take()).toHaveLength(512);
  expect(short.isDue(one)).toBe(false);
});

test('large batches never gather, and end the row; a long row is compacted first', () => {
  expect(gathered(100, undefined)).toBe(1000);
  expect(gathered(5, batch(1, 100))).toBe(32);
  const tail = new SmallBatches(BUDGET);
  for (let i = 0; i < 31; i += 1) tail.add(batch(1 + i * 5, 5));
  expect(tail.isDue(batch(156, 100))).toBe(false);
  tail.add(batch(156, 100));
  expect(tail.take()).toHaveLength(0);
});

test('a gap in the seqs starts a new row', () => {
  const tail = new SmallBatches(BUDGET);
  for (let i = 0; i < 20; i += 1) tail.add(batch(1 + i * 5, 5));
  tail.add(batch(200, 5));
  expect(tail.take().map(({ firstSeq }) => firstSeq)).toEqual([200]);
});

test('an entry takes only a small part of a small budget, and nothing is compacted with a tiny one', () => {
  expect(gathered(5, undefined, 2 ** 20)).toBe(33);
  expect(gathered(5, undefined, 20_000)).toBe(1000);
});
