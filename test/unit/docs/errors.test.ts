import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { namesIn, ROOT, readDocument, tableRows } from '../../support/documents.ts';

test('the reference has a row for each error code that a client can get', async () => {
  const files = ['src/domain/errors.ts', 'src/graphql/server/errorMask.ts'];
  const sources = await Promise.all(files.map((path) => readFile(join(ROOT, path), 'utf8')));
  const unions = sources.flatMap((source) => [...source.matchAll(/type \w*Code =([^;]+);/g)].map(([, union]) => union));
  expect(unions).toHaveLength(2);
  const codes = [...unions.join().matchAll(/'(\w+)'/g)].map(([, code]) => code);
  const described = tableRows(readDocument('docs/reference/errors.md'), '# Errors').flatMap(([cell]) => namesIn(cell));
  expect([...described].sort()).toEqual([...new Set([...codes, 'INTERNAL_SERVER_ERROR'])].sort());
});
