import { expect, test } from 'vitest';
import { type DisplayRow, displayRows, type RowFolds } from '../../../web/src/line/displayRows.ts';
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
const none: RowFolds = { depth: 0, isFolded: () => false, stacks: new Set(), marked: 0 };

test('rows in a group are indented, those of a folded group are not there, and a late start knows its depth', () => {
  const depths = (events: readonly LogEvent[], folds: Partial<RowFolds> = {}) =>
    displayRows(events, { ...none, ...folds }).map((row) => (row.kind === 'event' ? [row.event.seq, row.depth] : []));
  const events = [start(1), line(2, 'a'), start(3), line(4, 'b'), end(5), end(6), line(7, 'c')];
  expect(depths(events)).toEqual([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [7, 0],
  ]);
  const isFolded = (seq: number) => seq === 3;
  expect(depths([start(1), start(3), end(6), line(7, 'c')], { isFolded })).toEqual([
    [1, 0],
    [3, 1],
    [7, 0],
  ]);
  expect(depths(events.slice(3), { depth: 2 })).toEqual([
    [4, 2],
    [7, 0],
  ]);
});

test.each([
  ['JavaScript', ['Error: x', '    at a (x.js:1:1)', '    at b (x.js:2:1)', '    at c (x.js:3:1)']],
  ['Java', ['Exception in thread', '\tat a.B.c(B.java:1)', '\tat a.B.d(B.java:2)', '\t... 3 more']],
  ['Python', ['Traceback', '  File "a.py", line 1, in f', '    g()', '  File "a.py", line 2, in g']],
])('a stack trace of %s folds under its first line', (_, messages) => {
  const events = [...messages.map((message, index) => line(index + 1, message)), line(9, 'after')];
  expect(seqs(displayRows(events, none))).toEqual([1, -2, 9]);
  expect(seqs(displayRows(events, { ...none, stacks: new Set([2]) }))).toEqual([1, -2, 2, 3, 4, 9]);
  // What a search or a link shows is not hidden.
  expect(seqs(displayRows(events, { ...none, marked: 3 }))).toEqual([1, -2, 2, 3, 4, 9]);
});

test('indented text that is no stack trace does not fold', () => {
  const events = ['list:', '    one', '    two', '    three', '    four'].map((text, index) => line(index + 1, text));
  expect(seqs(displayRows(events, none))).toEqual([1, 2, 3, 4, 5]);
});

test('a hole that was cut where two pages meet is one hole again', () => {
  expect(joined([line(1, 'a'), hole(2, 5)], [hole(6, 9), line(10, 'b')])).toMatchObject([
    { seq: 1 },
    { fromSeq: 2, seq: 9, count: 8 },
    { seq: 10 },
  ]);
  expect(joined([hole(2, 5)], [line(6, 'a')])).toHaveLength(2);
});
