import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as errors from '../../../src/domain/errors.ts';
import { namesIn, ROOT, readDocument, tableRows } from '../../support/documents.ts';

const documented = (path: string, heading: string): readonly string[] =>
  tableRows(readDocument(path), heading).flatMap(([cell]) => namesIn(cell));

test('PROTOCOL.md has a row for each error code of the catalogue, and no other', () => {
  expect(documented('PROTOCOL.md', '## 7. Error codes')).toEqual(errors.ERROR_CODES);
});

test('the reference has a row for each error code that a client can get', () => {
  const codes = documented('docs/reference/errors.md', '# Errors');
  expect(codes.toSorted()).toEqual([...errors.ERROR_CODES].sort());
});

test('every subclass of Refusal has a code of the catalogue', () => {
  type Class = new (argument: string, text: string) => { readonly code: unknown };
  const classes = Object.values(errors).filter(
    (value): value is Class & typeof value => typeof value === 'function' && value.prototype instanceof errors.Refusal,
  );
  expect(classes.length).toBeGreaterThan(5);
  for (const Refused of classes) expect(errors.ERROR_CODES, Refused.name).toContain(new Refused('a', 'b').code);
});

test('every error code in the code is in the catalogue', async () => {
  const src = join(ROOT, 'src');
  const files = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const sources = await Promise.all(files.map((name) => readFile(join(src, name), 'utf8')));
  const codes = sources.flatMap((source) => [
    ...[...source.matchAll(/extensions: \{[^}]*?\bcode: '([^']*)'/g)].map(([, code]) => code),
    ...[...source.matchAll(/extends Refusal[^}]*?\bcode = '([^']*)'/g)].map(([, code]) => code),
  ]);
  expect(codes.length).toBeGreaterThan(8);
  for (const code of codes) expect(errors.ERROR_CODES).toContain(code);
});
