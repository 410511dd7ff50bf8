/** `node src/graphql/print.ts` writes schema/schema.graphql; with --check it exits 1 where the file is stale. */
import { readFile, writeFile } from 'node:fs/promises';
import { printedSchema } from './schema.ts';

const file = new URL('../../schema/schema.graphql', import.meta.url);

if (process.argv.includes('--check')) {
  const committed = await readFile(file, 'utf8').catch(() => '');
  if (committed !== printedSchema()) {
    console.error('schema/schema.graphql is stale: run `npm run schema:print`');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, printedSchema());
}
