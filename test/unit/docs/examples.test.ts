import { expect, test } from 'vitest';
import { DOCUMENTS, EXAMPLES } from '../../support/documents.ts';

test('every block of code is an example that is run, or says why it is not', () => {
  for (const { path, text } of DOCUMENTS) {
    const fences = [...text.matchAll(/(?:^|\n)([^\n]*)\n```(\w+)\n/g)];
    for (const [, before = '', language] of fences) {
      expect(before, `${path}: a block of ${language}`).toMatch(/^\s*<!-- (test|not run): .+ -->$/);
    }
  }
});

test('no two examples have one name', () => {
  const names = EXAMPLES.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
