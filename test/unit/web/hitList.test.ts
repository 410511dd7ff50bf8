import { expect, test } from 'vitest';
import { spansOf } from '../../../web/src/line/ansiSpans.ts';
import { rangesIn } from '../../../web/src/line/highlight.ts';
import { hitFrom, listText, NO_HITS, withProgress } from '../../../web/src/log/search/hitList.ts';
import type { SearchHit, SearchProgress } from '../../../web/src/log/search/runSearches.ts';

const hit = (seq: number): SearchHit => ({
  event: {
    __typename: 'LogLine',
    seq,
    attempt: 1,
    timestamp: '2026-11-28T00:00:00.000Z',
    level: 'INFO',
    stream: 'STDOUT',
    message: '',
    line: seq,
    logger: null,
    fields: null,
    truncated: false,
    exception: null,
  },
  ranges: [],
});
const progress = (seqs: readonly number[], scannedTo: number, done = false): SearchProgress => ({
  hits: seqs.map(hit),
  found: seqs.length,
  scannedTo,
  done,
});

test('hits of a search that starts again after a lost connection are counted once', () => {
  const list = withProgress(withProgress(NO_HITS, progress([3, 5], 10)), progress([3, 5, 20], 30, true));
  expect(list.hits.map(({ event }) => event.seq)).toEqual([3, 5, 20]);
  expect(list.state).toBe('found');
});

test('the list tells the next and the previous hit where it is complete; elsewhere the service is asked', () => {
  const list = withProgress(NO_HITS, progress([3, 5], 10));
  expect(hitFrom(list, 3, true)).toMatchObject({ event: { seq: 5 } });
  expect(hitFrom(list, 5, true)).toBe('unknown');
  expect(hitFrom(list, 5, false)).toMatchObject({ event: { seq: 3 } });
  expect(hitFrom(list, 3, false)).toBe(null);
  expect(hitFrom(list, 50, false)).toBe('unknown');
  const whole = withProgress(list, progress([], 60, true));
  expect(hitFrom(whole, 5, true)).toBe(null);
  expect(hitFrom(whole, 50, false)).toMatchObject({ event: { seq: 5 } });
});

test('what is loaded or listed is never called all: the text says how far the search is, or that there are more', () => {
  const list = withProgress(NO_HITS, progress([3, 5], 50));
  expect(listText(list, 5, 100)).toBe('2 of 2 so far, 50 % searched');
  expect(listText(withProgress(list, progress([], 100, true)), 5, 100)).toBe('2 of 2 hits');
  expect(listText(withProgress(NO_HITS, progress([], 100, true)), null, 100)).toBe('No hit');
  const many = withProgress(
    NO_HITS,
    progress(
      Array.from({ length: 1000 }, (_, i) => i + 1),
      1000,
    ),
  );
  expect(listText(many, null, 5000)).toMatch(/^1.?000\+ hits$/);
});

test.each([
  ['plain', 'one two one', [4, 7], 'two'],
  ['colours around and in the match', '\u001b[31merr\u001b[0mor: \u001b[1mno\u001b[0m', [5, 14], 'error'],
  ['a colour before it', '\u001b[31mred\u001b[0m word', [13, 17], 'word'],
  ['a line that was written several times', '10%\r50% done\r99% done', [17, 21], 'done'],
  ['a state that is not shown', '10% done\r99%', [4, 8], ''],
])('a range in the message is the same text in what is shown: %s', (_, message, [start = 0, end = 0], expected) => {
  const shown = spansOf(message)
    .map(({ text }) => text)
    .join('');
  const highlight = { text: 'x', caseSensitive: false, ranges: new Map([[1, [{ start, end }]]]) };
  const found = rangesIn(highlight, 1, message, shown).map((range) => shown.slice(range.start, range.end));
  expect(found.join()).toBe(expected);
});
