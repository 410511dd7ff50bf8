import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';
import { ROOT } from '../../support/documents.ts';

/** A file's name with some of its folders, as comments write it. */
const FILE = /(?<![\w./-])[\w-]+(?:[./][\w-]+)*\.(?:ts|md|c|graphql)\b/g;

test('every file that a comment in the code names exists', () => {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
  const files = listed.split('\n').filter((name) => existsSync(join(ROOT, name)));
  const isThere = (name: string): boolean => files.some((file) => file === name || file.endsWith(`/${name}`));
  const missing = files
    .filter((file) => /^(src|executor|packages|scripts|bench)\/.*\.tsx?$/.test(file))
    .flatMap((file) =>
      parseSync(file, readFileSync(join(ROOT, file), 'utf8')).comments.flatMap(({ value }) =>
        [...value.matchAll(FILE)].filter(([name]) => !isThere(name)).map(([name]) => `${file}: ${name}`),
      ),
    );
  expect(missing).toEqual([]);
});
