import { expect, test } from 'vitest';
import { linesFrom } from '../../../../bench/lines.ts';
import { excessBytes } from '../../../../executor/write/batchSize.ts';
import { Gatherer } from '../../../../executor/write/gatherer.ts';
import type { RunEvent } from '../../../../src/domain/events.ts';
import { LIMITS } from '../../../../src/domain/limits.ts';
import type { RunRecord } from '../../../../src/domain/run.ts';
import type { SealedBatch } from '../../../../src/wire/append.ts';
import { decodeBatch } from '../../../../src/wire/codec.ts';
import { parseRecord } from '../../../../src/wire/runRecord.ts';
import { digestOf, messages } from '../../../support/runs/executor.ts';

const PIECE = 600;

const newRun = (): RunRecord => {
  const run = parseRecord({ lastSeq: '1', attempt: '1' }, 'r' as RunRecord['id']);
  if (run === null) throw new Error('no record');
  return run;
};

/** Random numbers from 0 to 1, the same for each seed. */
const randomOf = (seed: number) => () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return seed / 0x7fffffff;
};

test.for([1, 2, 3, 4, 5])(
  'Every line comes once and in order, whenever batches are sealed, with and without a cut: seed %i.',
  (seed) => {
    const random = randomOf(seed);
    const sealed: SealedBatch[] = [];
    const gatherer = new Gatherer(newRun(), (batch) => sealed.push(batch));
    const expected: string[] = [];
    for (let i = 0; i < 150; i += 1) {
      const count = 1 + Math.floor(random() * PIECE);
      const text = linesFrom(expected.length + 1, count, 12_345);
      expected.push(...text.toString('latin1').slice(0, -1).split('\n'));
      gatherer.lines(random() < 0.9 ? 'STDOUT' : 'STDERR', i >> 2, text, count);
      text.fill(0);
      if (random() < 0.1) {
        gatherer.event({ kind: 'LogLine', timestamp: 1, level: 'INFO', stream: 'LOGGER', message: `record ${i}` });
        expected.push(`record ${i}`);
      }
      if (random() < 0.2) gatherer.seal(random() < 0.8);
    }
    while (gatherer.count > 0) gatherer.seal(true);
    const events = sealed.flatMap(({ batch }): RunEvent[] => decodeBatch(batch));
    expect(messages(events)).toEqual(expected);
    expect(events.map(({ seq }) => seq)).toEqual(expected.map((_, i) => i + 2));
    expect(gatherer.digest).toBe(digestOf(expected));
    let before = { lines: 0, bytes: 0 };
    for (const batch of sealed) {
      expect(batch.before).toEqual(before);
      expect(batch.batch.length).toBeGreaterThan(0);
      before = { lines: before.lines + batch.lines, bytes: before.bytes + batch.messageBytes };
    }
    expect(gatherer.totals).toEqual(before);
  },
);

test('a batch that would waste much of its allocation is shortened to fill the next smaller one', () => {
  // 41.8 kB would take an allocation of 48 KiB. After the cut it fills 40 KiB to 98 % at least.
  const excess = excessBytes(303_000, 41_800 / 303_000);
  const left = ((303_000 - excess) * 41_800) / 303_000 + 80;
  expect(left).toBeLessThan(40_960);
  expect(left).toBeGreaterThan(40_960 * 0.98);
  // Full enough, just below an allocation, and small.
  expect(excessBytes(100_000, 0.48)).toBe(0);
  expect(excessBytes(100_000, 0.405)).toBe(0);
  expect(excessBytes(8000, 1)).toBe(0);
});

test('W14, W14a: events beyond the limit of a run are not stored; digest and totals cover the stored ones, and a LinesDropped counts the rest', () => {
  const sealed: SealedBatch[] = [];
  const run = { ...newRun(), lastSeq: LIMITS.runEvents - 4 };
  const gatherer = new Gatherer(run, (batch) => sealed.push(batch));
  gatherer.lines('STDOUT', 1, Buffer.from('a\nb\n'), 2);
  gatherer.lines('STDERR', 2, Buffer.from('c\nd\neee\nff\n'), 4);
  gatherer.event({ kind: 'GroupStarted', timestamp: 3, name: 'x' });
  gatherer.event({ kind: 'LogLine', timestamp: 3, level: 'INFO', stream: 'LOGGER', message: 'gggg' });
  gatherer.event({ kind: 'ContainerEvent', timestamp: 4, containerEvent: 'OUT_OF_MEMORY', detail: null });
  gatherer.reportRefused(5);
  gatherer.reportRefused(6);
  gatherer.seal();
  const events = sealed.flatMap(({ batch }) => decodeBatch(batch));
  expect(messages(events)).toEqual(['a', 'b', 'c', 'd']);
  expect(gatherer.digest).toBe(digestOf(['a', 'b', 'c', 'd']));
  expect(events.map(({ kind }) => kind).slice(4)).toEqual(['LogLine', 'ContainerEvent', 'LinesDropped']);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => LIMITS.runEvents - 3 + at));
  const { seq } = events.at(-1) as RunEvent;
  const what = { fromSeq: seq, count: 4, droppedLines: 3, droppedBytes: 3 + 2 + 4, reason: 'LOG_LIMIT' };
  expect(events.at(-1)).toMatchObject(what);
  expect(seq).toBeLessThan(2 ** 31);
});
