import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { problemsOf, promisesOf, titlesOf } from '../../support/promises.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): Promise<string> => readFile(new URL(path, ROOT), 'utf8');

const filesIn = async (folder: string, ending: RegExp): Promise<string[]> =>
  (await readdir(new URL(folder, ROOT), { recursive: true }))
    .filter((name) => ending.test(name) && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`);

const titles = async (): Promise<string[]> => {
  const files = await filesIn('test', /\.test\.tsx?$/);
  return (await Promise.all(files.map(async (file) => titlesOf(await read(file))))).flat();
};

test('each promise of PROTOCOL.md is at most three lines and has a test, and each number in a title is a promise', async () => {
  const promises = promisesOf(await read('PROTOCOL.md'));
  expect(promises.length).toBeGreaterThan(80);
  expect(problemsOf(promises, await titles())).toEqual([]);
});

test('every promise that a comment or a document refers to exists', async () => {
  const numbers = promisesOf(await read('PROTOCOL.md')).map(({ number }) => number);
  const folders = ['src', 'executor', 'client', 'packages', 'docs', 'test', 'bench', 'scripts'];
  const lists = await Promise.all(folders.map((folder) => filesIn(folder, /\.(ts|tsx|md|c)$/).catch(() => [])));
  const unknown: string[] = [];
  for (const file of lists.flat()) {
    for (const [, list = ''] of (await read(file)).matchAll(
      /PROTOCOL\.md(?:,| \()\s*([A-Z]\d+[a-z]?(?:, [A-Z]\d+[a-z]?)*)/g,
    )) {
      for (const number of list.split(', ')) if (!numbers.includes(number)) unknown.push(`${file}: ${number}`);
    }
  }
  expect(unknown).toEqual([]);
});

const promise = (number: string, lines = 1): string =>
  `- **${number}** It holds.${'\n  And so on.'.repeat(lines - 1)}\n`;

test.each<[string, string, string, string[]]>([
  ['accepts promises with tests', promise('S1', 3) + promise('S1a'), "test('S1, S1a: it holds', f)", []],
  ['notices a promise without a test', promise('S1') + promise('S2'), "test('S1: it holds', f)", ['S2 has no test']],
  [
    'notices a number without a promise',
    promise('S1'),
    "it.each(x)('S1: it holds', f); test(`S9: it holds for $" + '{x}`, f)',
    ['S9 is not a promise, but a test is called "S9: it holds for …"'],
  ],
  [
    'notices a promise over three lines',
    promise('S1', 4),
    "test.skipIf(x).for(y)('S1: it holds', f)",
    ['S1 is longer than 3 lines of 120 characters'],
  ],
  [
    'notices a line over 120 characters',
    `- **S1** ${'x'.repeat(120)}`,
    "test('S1: it holds', f)",
    ['S1 is longer than 3 lines of 120 characters'],
  ],
  ['notices a number that appears twice', promise('S1').repeat(2), "test('S1: it holds', f)", ['S1 is there twice']],
  [
    'does not count a group as a test',
    promise('S1'),
    "describe('S1: it holds', f); other('S1: it holds')",
    ['S1 has no test'],
  ],
  ['ignores a number in the middle of a title', promise('S1'), "test('it holds: S1: always', f)", ['S1 has no test']],
])('the check %s', (_what, protocol, source, expected) => {
  expect(problemsOf(promisesOf(protocol), titlesOf(source))).toEqual(expected);
});
