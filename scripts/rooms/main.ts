/** Part of `npm run check`: every file must be in a room, and import only what its room allows. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type CodeFile, roomProblems } from './roomProblems.ts';
import { ROOMS } from './rooms.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ROOTS = ['src', 'executor', 'packages', 'examples', 'scripts', 'web'];
const isCode = (path: string): boolean => /\.tsx?$/.test(path) && !/(^|\/)(node_modules|dist)\//.test(path);

const files: CodeFile[] = [];
for (const root of ROOTS) {
  for (const name of await readdir(`${ROOT}${root}`, { recursive: true })) {
    const path = `${root}/${name}`;
    if (isCode(path)) files.push({ path, text: await readFile(`${ROOT}${path}`, 'utf8') });
  }
}
const problems = roomProblems(files, ROOMS);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
