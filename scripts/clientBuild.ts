/**
 * Builds the package @runloom/client: packages/client/dist and its LICENSE. `npm pack ./packages/client` runs this
 * script. The typed documents of schema/generated become the entry `documents` of the package. The script can be
 * repeated, but not run concurrently.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const PACKAGE = at('packages/client');
/** A copy of the sources, with the documents beside them. The package's tsconfig.json refers to it. */
const STAGE = `${PACKAGE}/build`;
const DIST = `${PACKAGE}/dist`;

for (const made of [STAGE, DIST]) rmSync(made, { recursive: true, force: true });
cpSync(`${PACKAGE}/src`, STAGE, { recursive: true });
try {
  const documents = ['graphql', 'possibleTypes'].map((name) => readFileSync(at(`schema/generated/${name}.ts`), 'utf8'));
  writeFileSync(`${STAGE}/documents.ts`, documents.join('\n'));
  execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', PACKAGE], { stdio: 'inherit' });
} finally {
  rmSync(STAGE, { recursive: true, force: true });
}
// The compiler rewrites the extensions of imports in JavaScript, but not in declarations.
for (const name of readdirSync(DIST).filter((file) => file.endsWith('.d.ts'))) {
  const text = readFileSync(`${DIST}/${name}`, 'utf8');
  writeFileSync(`${DIST}/${name}`, text.replaceAll(".ts';", ".js';"));
}
cpSync(at('LICENSE'), `${PACKAGE}/LICENSE`);
