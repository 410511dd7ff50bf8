import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textFinder } from '../../../../src/domain/text/textSearch.ts';

test('gives the same result as String.includes', () => {
  const word = (least: number, most: number) =>
    fc
      .array(fc.constantFrom('a', 'b', 'é', '😀'), { minLength: least, maxLength: most })
      .map((letters) => letters.join(''));
  fc.assert(
    fc.property(word(0, 40), word(0, 200), word(0, 20), (needle, before, after) => {
      const find = textFinder(needle);
      for (const text of [
        before,
        before + needle + after,
        needle.slice(0, -1) + needle,
        needle.repeat(3),
        needle.slice(1),
      ]) {
        expect(find(text)).toBe(text.includes(needle));
      }
    }),
    { numRuns: 2000 },
  );
});

test('the search takes time proportional to the text, even if the text almost matches everywhere', () => {
  const text = 'a'.repeat(60_000);
  for (const needle of [`b${'a'.repeat(1023)}`, `${'a'.repeat(1023)}b`, `${'a'.repeat(500)}b${'a'.repeat(500)}`]) {
    const find = textFinder(needle);
    const timed = (times: number): number => {
      const begun = performance.now();
      for (let i = 0; i < times; i += 1) expect(find(text)).toBe(false);
      return performance.now() - begun;
    };
    timed(20);
    // 6 MB. V8's own search takes some seconds for it.
    expect(timed(100)).toBeLessThan(1500);
  }
});
