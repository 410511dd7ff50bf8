/**
 * `node scripts/schemaPrint.ts` writes schema/schema.graphql and schema/introspection.json; with --check it exits 1 where
 * one of them is stale.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { printedIntrospection, printedSchema } from '../src/graphql/schema/schema.ts';

const FILES = { 'schema.graphql': printedSchema(), 'introspection.json': printedIntrospection() };

for (const [name, text] of Object.entries(FILES)) {
  const file = new URL(`../schema/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`schema/${name} is stale: run \`npm run schema:print\``);
    process.exitCode = 1;
  }
}
