/** What a thread does with stored bytes: src/search/scan. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/domain/limits.ts';
import type { LogQuery } from '../../../src/domain/logQuery.ts';
import { VisibleText, withoutAnsi } from '../../../src/domain/text/ansi.ts';
import { prepareQuery, scanEntry } from '../../../src/search/scan/entryScan.ts';
import { BadPattern, compilePattern } from '../../../src/search/scan/pattern.ts';
import type { FoundLine } from '../../../src/search/scan/scanTask.ts';
import { encodeBatch } from '../../../src/wire/batchBuilder.ts';
import { line } from '../../support/log.ts';

const FORWARD = { isBackward: false, after: 0, before: 2 ** 31, isOver: () => false };
const scan = (messages: readonly string[], query: LogQuery, more: Partial<typeof FORWARD> = {}) => {
  const found: FoundLine[] = [];
  const task = { ...FORWARD, ...more };
  const stoppedAt = scanEntry(encodeBatch(messages.map(line), 1, 1), prepareQuery(query), task, (one) => {
    found.push(one);
    return true;
  });
  return { found, stoppedAt };
};

test('a part of the visible text is found in the original, from its first to its last character', () => {
  const sequence = fc.constantFrom('\u001b[31m', '\u001b[0m', '\u009b1m', '\u001b]0;title\u0007');
  const part = fc.oneof(
    fc.string({ maxLength: 4 }).filter((text) => withoutAnsi(text) === text),
    sequence,
  );
  fc.assert(
    fc.property(fc.array(part), fc.nat(), fc.nat(), (parts, from, length) => {
      const original = parts.join('');
      const visible = new VisibleText(original);
      expect(visible.text).toBe(withoutAnsi(original));
      fc.pre(visible.text.length > 0);
      const start = from % visible.text.length;
      const end = Math.min(start + 1 + (length % 5), visible.text.length);
      const range = visible.original({ start, end });
      const [first, last] = [original[range.start], original[range.end - 1]];
      expect([first, last]).toEqual([visible.text[start], visible.text[end - 1]]);
      expect(withoutAnsi(original.slice(0, range.start))).toHaveLength(start);
    }),
  );
});

test('the ranges of a line are bounded in number, and in time for a pattern that reads far ahead', () => {
  const text = 'a'.repeat(LIMITS.searchRanges * 3);
  expect(scan([text], { text: 'a' }).found[0]?.ranges).toHaveLength(LIMITS.searchRanges);
  // It matches, but its places would take too long to find.
  const { found } = scan(['a'.repeat(64 * 1024)], { text: `a.*${'b?'.repeat(300)}c|a`, regex: true });
  expect(found.map(({ ranges }) => ranges)).toEqual([[]]);
});

test.each([
  ['nested repetitions', '((a{10}){10}){10}{10}'],
  ['a long repeated group', `(?:${'abcdefghij'.repeat(30)}){1000}`],
  ['a group closed by what looks like a class', `((${'abc'.repeat(300)})[)]){100}`],
  ['a group closed by a quoted bracket', `((${'abc'.repeat(300)})\\Q)\\E){100}`],
  ['a bracket in a named class', `((${'abc'.repeat(300)})[[:alpha:])]){100}`],
])('a pattern of many steps is refused before it is compiled: %s', (_what, pattern) => {
  expect(() => compilePattern(pattern, true)).toThrow(BadPattern);
});

test('a pattern is accepted up to the size that RE2 allows for one repetition', () => {
  for (const pattern of ['x{1000}', '\\pL{1000}', '(\\d{1,3}\\.){3}\\d{1,3}', '[^\\]{999}]{5}', 'a{,5}', '{x}']) {
    expect(() => compilePattern(pattern, false), pattern).not.toThrow();
  }
});

test('Q8: patterns that take exponential time elsewhere take time linear in the text', () => {
  const text = `${'a'.repeat(30_000)}!`;
  for (const pattern of [
    '(a+)+$',
    '^(a|a)*$',
    '(a|aa)+$',
    '(.*a){20}$',
    '^([a-zA-Z]+)*$',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
  ]) {
    expect(scan([text], { text: pattern, regex: true }).found.length, pattern).toBe(0);
  }
});

test('a scan can be stopped between two lines, and says where', () => {
  const messages = Array.from({ length: 10 }, (_, i) => `line ${i}`);
  let lines = 0;
  const isOver = (): boolean => {
    lines += 1;
    return lines === 3;
  };
  expect(scan(messages, { text: 'line' }, { isOver }).stoppedAt).toBe(3);
  lines = 0;
  expect(scan(messages, { text: 'line' }, { isOver, isBackward: true }).stoppedAt).toBe(8);
});
