import { expect, test } from 'vitest';
import { DOCUMENTS, EXAMPLES } from '../../support/documents.ts';

test('every block of code names the test that runs it, or says why no test does', () => {
  for (const { path, text } of DOCUMENTS) {
    const fences = [...text.matchAll(/(?:^|\n)([^\n]*)\n```(\w+)\n/g)];
    for (const [, before = '', language] of fences) {
      expect(before, `${path}: a block of ${language}`).toMatch(/^\s*<!-- (test|not run): .+ -->$/);
    }
  }
});

test('the names of examples are unique', () => {
  const names = EXAMPLES.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
