/**
 * `node scripts/schemaPrint.ts` writes schema/schema.graphql and schema/introspection.json. With --check it writes
 * nothing, and exits with 1 if one of them is out of date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { printedIntrospection, printedSchema } from '../src/graphql/schema/schema.ts';

const FILES = { 'schema.graphql': printedSchema(), 'introspection.json': printedIntrospection() };

for (const [name, text] of Object.entries(FILES)) {
  const file = new URL(`../schema/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`schema/${name} is out of date. Run \`npm run schema:print\`.`);
    process.exitCode = 1;
  }
}
