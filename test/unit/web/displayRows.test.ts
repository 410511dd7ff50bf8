import { expect, test } from 'vitest';
import { type DisplayRow, displayRows } from '../../../web/src/line/displayRows.ts';
import { joined, type LogEvent } from '../../../web/src/line/logEvents.ts';

const shared = (seq: number) => ({ seq, attempt: 1, timestamp: `2026-11-28T00:00:0${seq % 10}.000Z` });
const line = (seq: number, message: string): LogEvent => ({
  ...shared(seq),
  __typename: 'LogLine',
  level: 'INFO',
  stream: 'STDOUT',
  message,
  line: seq,
  logger: null,
  fields: null,
  truncated: false,
  exception: null,
});
const start = (seq: number): LogEvent => ({ ...shared(seq), __typename: 'GroupStarted', name: 'g' });
const end = (seq: number): LogEvent => ({ ...shared(seq), __typename: 'GroupEnded', name: 'g' });
const hole = (fromSeq: number, seq: number): LogEvent => ({
  ...shared(seq),
  __typename: 'LinesDropped',
  fromSeq,
  count: seq - fromSeq + 1,
  droppedBytes: null,
  droppedLines: null,
  reason: 'LOG_LIMIT',
});
const seqs = (rows: readonly DisplayRow[]): readonly number[] =>
  rows.map((row) => (row.kind === 'event' ? row.event.seq : -row.seq));
const none: ReadonlySet<number> = new Set();

test('a folded group hides what is in it, groups in it too; what follows is shown', () => {
  const events = [start(1), line(2, 'a'), start(3), line(4, 'b'), end(5), end(6), line(7, 'c')];
  expect(seqs(displayRows(events, { groups: none, stacks: none }))).toEqual([1, 2, 3, 4, 7]);
  expect(seqs(displayRows(events, { groups: new Set([3]), stacks: none }))).toEqual([1, 2, 3, 7]);
  expect(seqs(displayRows(events, { groups: new Set([1]), stacks: none }))).toEqual([1, 7]);
});

test.each([
  ['JavaScript', ['Error: x', '    at a (x.js:1:1)', '    at b (x.js:2:1)', '    at c (x.js:3:1)']],
  ['Java', ['Exception in thread', '\tat a.B.c(B.java:1)', '\tat a.B.d(B.java:2)', '\t... 3 more']],
  ['Python', ['Traceback', '  File "a.py", line 1, in f', '    g()', '  File "a.py", line 2, in g']],
])('a stack trace of %s folds under its first line', (_, messages) => {
  const events = [...messages.map((message, index) => line(index + 1, message)), line(9, 'after')];
  expect(seqs(displayRows(events, { groups: none, stacks: none }))).toEqual([1, -2, 9]);
  expect(seqs(displayRows(events, { groups: none, stacks: new Set([2]) }))).toEqual([1, -2, 2, 3, 4, 9]);
});

test('indented text that is no stack trace does not fold', () => {
  const events = ['list:', '    one', '    two', '    three', '    four'].map((text, index) => line(index + 1, text));
  expect(seqs(displayRows(events, { groups: none, stacks: none }))).toEqual([1, 2, 3, 4, 5]);
});

test('a hole that was cut where two pages meet is one hole again', () => {
  expect(joined([line(1, 'a'), hole(2, 5)], [hole(6, 9), line(10, 'b')])).toMatchObject([
    { seq: 1 },
    { fromSeq: 2, seq: 9, count: 8 },
    { seq: 10 },
  ]);
  expect(joined([hole(2, 5)], [line(6, 'a')])).toHaveLength(2);
});
