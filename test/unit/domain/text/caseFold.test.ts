import { expect, test } from 'vitest';
import { foldCase } from '../../../../src/domain/text/caseFold.ts';

/** All characters that have a case. */
const CASED = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .filter((one) => one.toLowerCase() !== one || one.toUpperCase() !== one);
const ALL = CASED.join('');

test("characters fold to the same one exactly if JavaScript's own comparison by simple folding finds them equal", () => {
  const groups = Map.groupBy(CASED, (one) => foldCase(one));
  for (const one of CASED) {
    const equal = ALL.match(new RegExp(one, 'giu')) ?? [];
    expect(groups.get(foldCase(one)), one).toEqual(equal);
  }
});

test('folding keeps the length of a text in UTF-16 units, whatever is beside a character', () => {
  for (const around of ['', 'a', 'Σ', 'İ', '\u0307', '😀']) {
    const changed = CASED.filter((one) => foldCase(around + one + around).length !== 2 * around.length + one.length);
    expect(changed).toEqual([]);
  }
  expect(foldCase('ΑΣ ΑΣΑ İI')).toBe('ασ ασα İi');
});
