import { expect, test } from 'vitest';
import { align, comparable } from '../../../web/src/compare/align.ts';

test('times, ids, numbers and masked secrets do not make lines different', () => {
  const pairs = [
    ['2026-11-28T01:02:03.456Z done in 12 ms', '2026-11-29 11:12:13 done in 7.5 ms'],
    ['run 01a21feb-12fa-700b-80b8-0de25308a625 at 0xff', 'run 01a21ff6-40d7-71f3-ace2-74e15e9b0f41 at 0x1a'],
    ['token *** accepted', 'token ****** accepted'],
  ] as const;
  for (const [left, right] of pairs) expect(comparable(left)).toBe(comparable(right));
  expect(comparable('done')).not.toBe(comparable('failed'));
});

test('lines of both logs stand side by side, in order, each exactly once', () => {
  const left = ['start 1', 'fetch', 'build', 'same', 'same', 'end'];
  const right = ['start 2', 'fetch', 'warn', 'build', 'same', 'end', 'extra'];
  const rows = align(left, right);
  expect(rows.flatMap((row) => (row.left === null ? [] : [row.left]))).toEqual(left.map((_, index) => index));
  expect(rows.flatMap((row) => (row.right === null ? [] : [row.right]))).toEqual(right.map((_, index) => index));
  const pairs = rows.filter((row) => row.left !== null && row.right !== null);
  for (const row of pairs)
    expect(comparable(left[row.left ?? -1] ?? '')).toBe(comparable(right[row.right ?? -1] ?? ''));
  expect(pairs).toHaveLength(5);
  expect(align([], ['a'])).toEqual([{ left: null, right: 0 }]);
});

test('two logs of 20,000 lines that differ in every tenth line are aligned in less than a second of CPU time', () => {
  const log = (word: string): readonly string[] =>
    Array.from({ length: 20_000 }, (_, index) =>
      index % 10 === 0 ? `${word} ${index}` : `line ${'abcdefghij'[index % 10]}`,
    );
  const before = process.cpuUsage();
  const rows = align(log('left'), log('right'));
  const { user } = process.cpuUsage(before);
  expect(rows.length).toBeGreaterThanOrEqual(20_000);
  expect(user / 1000).toBeLessThan(1000);
});
