/**
 * `npm run schema:accept`: takes schema/schema.graphql as the one that has landed, which later changes are
 * measured against. Breaking changes are refused; `npm run schema:accept -- --breaking` makes one on purpose.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { schemaChanges } from './schemaChanges.ts';

const LANDED = new URL('../schema/baseline.graphql', import.meta.url);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const now = await readFile(new URL('../schema/schema.graphql', import.meta.url), 'utf8');
const { breaking, harmless } = await schemaChanges(await readFile(LANDED, 'utf8'), now);
for (const sentence of harmless) say(`  ${sentence}`);
for (const sentence of breaking) say(`! ${sentence}`);
if (breaking.length > 0 && !process.argv.includes('--breaking')) {
  say('Refused: the changes with ! break clients. On purpose: npm run schema:accept -- --breaking (and CHANGELOG.md)');
  process.exitCode = 1;
} else {
  await writeFile(LANDED, now);
  say('schema/baseline.graphql is schema/schema.graphql now.');
}
