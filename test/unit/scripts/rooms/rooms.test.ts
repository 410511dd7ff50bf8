import { expect, test } from 'vitest';
import { type CodeFile, roomProblems } from '../../../../scripts/rooms/roomProblems.ts';
import type { Room } from '../../../../scripts/rooms/rooms.ts';

const ROOMS: Record<string, Room> = {
  low: { purpose: 'pure', rooms: [], packages: [] },
  high: { purpose: 'wires', rooms: ['low'], packages: ['node', '@scope/one'] },
};
const file = (path: string, text = ''): CodeFile => ({ path, text });
const FINE = [
  file('low/one.ts', "import { two } from './two.ts';"),
  file('high/three.ts', "import type { One } from '../low/one.ts';\nimport { readFile } from 'node:fs/promises';"),
];

test('a tree that follows the rules has no problem', () => {
  expect(roomProblems(FINE, ROOMS)).toEqual([]);
});

test.each([
  ['another room', "import { three } from '../high/three.ts';", 'imports high'],
  ['a type of another room', "import type { Three } from '../high/three.ts';", 'imports high'],
  ['an export of another room', "export { three } from '../high/three.ts';", 'imports high'],
  ['another room dynamically', "await import('../high/three.ts');", 'imports high'],
  ['a package', "import { z } from 'zod';", 'imports zod'],
  ['a part of a package', "import { z } from '@scope/one/deep/z.js';", 'imports @scope/one'],
  ['a package for its effect', "import 'zod';", 'imports zod'],
  ['a built-in module', "import { join } from 'node:path';", 'imports node'],
])('a room that imports %s against the rules is reported', (_what, text, told) => {
  const problems = roomProblems([...FINE, file('low/bad.ts', text)], ROOMS);
  expect(problems).toEqual([expect.stringContaining(told)]);
});

test('a folder without a rule, and a rule without a folder, are reported', () => {
  expect(roomProblems([...FINE, file('low/deeper/four.ts')], ROOMS)).toEqual(['low/deeper has no rule.']);
  expect(roomProblems(FINE.slice(0, 1), ROOMS)).toEqual(['high has a rule but no files.']);
});

test('a folder with more than 15 files is reported', () => {
  const many = Array.from({ length: 15 }, (_, index) => file(`low/file${index}.ts`));
  expect(roomProblems([...FINE, ...many], ROOMS)).toEqual(['low has 16 files; split it (15 at most).']);
});

test('two files with the same name are reported', () => {
  expect(roomProblems([...FINE, file('high/one.ts')], ROOMS)).toEqual([expect.stringContaining('named one.ts')]);
});

test('rooms that import each other are reported', () => {
  const round = { ...ROOMS, low: { purpose: 'pure', rooms: ['high'], packages: [] } };
  expect(roomProblems(FINE, round)).toEqual(['Rooms form a cycle: low -> high -> low.']);
});
