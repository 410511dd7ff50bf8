/**
 * `npm run schema:accept` copies schema/schema.graphql to schema/baseline.graphql, with which later changes are compared.
 * It refuses breaking changes; `npm run schema:accept -- --breaking` accepts them.
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
  say(
    'Refused: the changes marked ! break clients. To accept them: npm run schema:accept -- --breaking, and an entry in CHANGELOG.md.',
  );
  process.exitCode = 1;
} else {
  await writeFile(LANDED, now);
  say('Copied schema/schema.graphql to schema/baseline.graphql.');
}
