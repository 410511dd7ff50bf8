import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const read = (path: string): Promise<string> => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('README.md has a row for each error code that a client can get', async () => {
  const sources = await Promise.all(['src/domain/errors.ts', 'src/graphql/server/errorMask.ts'].map(read));
  const unions = sources.flatMap((source) => [...source.matchAll(/type \w*Code =([^;]+);/g)].map(([, union]) => union));
  expect(unions).toHaveLength(2);
  const codes = [...unions.join().matchAll(/'(\w+)'/g)].map(([, code]) => code);
  const [, errors = ''] = /## Errors\n([\s\S]*?)\n## /.exec(await read('README.md')) ?? [];
  const rows = errors.split('\n').flatMap((line) => line.match(/^\| (.*?) \|/)?.[1] ?? []);
  const described = [...rows.join().matchAll(/`(\w+)`/g)].map(([, code]) => code);
  expect(described.sort()).toEqual([...new Set([...codes, 'INTERNAL_SERVER_ERROR'])].sort());
});
