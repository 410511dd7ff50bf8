import { expect, test } from 'vitest';
import { Overdue } from '../../../../src/runs/supervision/overdue.ts';

test('returns items that were noted at every call during the grace period, and forgets the others', () => {
  let now = 0;
  const overdue = new Overdue<string>(30, () => now);
  expect(overdue.note(['a', 'b'])).toEqual([]);
  now = 20;
  expect(overdue.note(['a'])).toEqual([]);
  now = 30;
  expect(overdue.note(['a', 'b'])).toEqual(['a']);
  now = 59;
  expect(overdue.note(['b'])).toEqual([]);
  now = 60;
  expect(overdue.note(['b'])).toEqual(['b']);
});
