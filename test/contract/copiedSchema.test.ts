/** The folder schema/ in a client's project, copied as in docs/how-to/get-types.md: type checks and tools work there. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildClientSchema, introspectionFromSchema } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { printedIntrospection, schema } from '../../src/graphql/schema/schema.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFile(join(ROOT, 'schema', path), 'utf8');
let project: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'runloom-schema-'));
  await cp(join(ROOT, 'schema'), join(project, 'schema'), { recursive: true });
  // Only one package and not all of node_modules: schema/ must not need any other.
  await mkdir(join(project, 'node_modules/@graphql-typed-document-node'), { recursive: true });
  const core = '@graphql-typed-document-node/core';
  await symlink(join(ROOT, 'node_modules', core), join(project, 'node_modules', core));
  await symlink(join(ROOT, 'node_modules/graphql'), join(project, 'node_modules/graphql'));
  await writeFile(
    join(project, 'client.ts'),
    `import { FollowLogDocument, graphql, possibleTypes, type FollowLogSubscription } from './schema/generated';
export const document: typeof FollowLogDocument = FollowLogDocument;
export const types: string[][] = Object.values(possibleTypes);
export const tag = graphql;
export const seqs = (data: FollowLogSubscription): number[] => data.runLogBatches.events.map(({ seq }) => seq);
`,
  );
});
afterAll(() => rm(project, { recursive: true }));

const strict = { strict: true, noEmit: true, isolatedModules: true, types: [] };
/** The configuration that create-next-app 16.1 writes. */
const NEXT = {
  target: 'ES2017',
  lib: ['dom', 'dom.iterable', 'esnext'],
  allowJs: true,
  skipLibCheck: true,
  strict: true,
  noEmit: true,
  esModuleInterop: true,
  module: 'esnext',
  moduleResolution: 'bundler',
  resolveJsonModule: true,
  isolatedModules: true,
  jsx: 'react-jsx',
  incremental: true,
  plugins: [{ name: 'next' }],
  paths: { '@/*': ['./*'] },
};
/** The configuration that create-vite 8.0 writes for React. */
const VITE = {
  target: 'ES2023',
  lib: ['ES2023', 'DOM', 'DOM.Iterable'],
  module: 'ESNext',
  types: [],
  skipLibCheck: true,
  moduleResolution: 'bundler',
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: 'force',
  noEmit: true,
  jsx: 'react-jsx',
  strict: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedSideEffectImports: true,
};
const STRICTEST = {
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
};

test.each<[string, object, readonly string[]]>([
  ["Next.js' tsconfig", NEXT, ['**/*.ts']],
  ["Vite's tsconfig", VITE, ['**/*.ts']],
  ['a plain strict tsconfig', { ...strict, ...STRICTEST, module: 'esnext', moduleResolution: 'bundler' }, ['**/*.ts']],
  [
    'nodenext, for the files without relative imports (it requires extensions)',
    { ...strict, ...STRICTEST, module: 'nodenext', allowImportingTsExtensions: true },
    ['schema/generated/graphql.ts', 'schema/generated/possibleTypes.ts'],
  ],
])('it type-checks with %s', async (_name, compilerOptions, include) => {
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include, exclude: ['node_modules'] }),
  );
  const checked = await promisify(execFile)(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    project,
  ]).then(
    () => '',
    (error: { readonly stdout: string; readonly stderr: string }) => error.stdout + error.stderr,
  );
  expect(checked).toBe('');
});

test('generated files import each other without an extension, and the index exports all of them', async () => {
  const names = (await readdir(join(ROOT, 'schema/generated'))).filter((name) => name !== 'index.ts');
  for (const name of names) expect(await read(`generated/${name}`)).not.toMatch(/from ['"][^'"]*\.[jt]s['"]/);
  const index = await read('generated/index.ts');
  expect(names.filter((name) => !index.includes(`'./${name.replace(/\.ts$/, '')}'`))).toEqual([]);
});

test('introspection.json is the introspection result of the schema', async () => {
  const text = await read('introspection.json');
  expect(text).toBe(printedIntrospection());
  const again = introspectionFromSchema(buildClientSchema(JSON.parse(text)), { descriptions: false });
  expect(JSON.parse(JSON.stringify(again))).toEqual(JSON.parse(text));
});

test('the configuration for editors names the schema and the operations beside it', async () => {
  const config = Object.fromEntries(
    (await read('.graphqlrc.yml')).split('\n').flatMap((line) => [/^(\w+): (.+)$/.exec(line)?.slice(1) ?? []]),
  );
  expect(config).toMatchObject({ schema: 'schema.graphql', documents: 'operations/*.graphql' });
  expect(await read('schema.graphql')).toContain('type Query');
  expect((await readdir(join(ROOT, 'schema/operations'))).every((name) => name.endsWith('.graphql'))).toBe(true);
});

test('the schema has a description', () => {
  expect(schema.description).toMatch(/^runloom /);
});
