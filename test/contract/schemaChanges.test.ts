import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { schemaChanges } from '../../scripts/schemaChanges.ts';
import { printedSchema } from '../../src/graphql/schema/schema.ts';

const landed = await readFile(new URL('../../schema/baseline.graphql', import.meta.url), 'utf8');

test('the schema has no breaking changes since schema/baseline.graphql', async () => {
  // For an intended change: npm run schema:accept -- --breaking, and an entry in CHANGELOG.md.
  expect((await schemaChanges(landed, printedSchema())).breaking).toEqual([]);
});

test('additions are in schema/baseline.graphql, so that their removal is noticed (if not: npm run schema:accept)', async () => {
  expect((await schemaChanges(landed, printedSchema())).harmless).toEqual([]);
});

test.each([
  ['a removed field', /^ *exitCode: Int$/m, ''],
  ['a field that becomes nullable', /status: RunStatus!/, 'status: RunStatus'],
  ['an argument that becomes required', /after: Int$/m, 'after: Int!'],
  ['a removed enum value', /^ *TIMEOUT$/m, ''],
  ['a different type of a field', /lastSeq: Int!/, 'lastSeq: String!'],
])('%s is breaking', async (_name, from, to) => {
  const changed = landed.replace(/"""[^"]*"""\n/g, '').replace(from, to);
  const { breaking } = await schemaChanges(landed, changed);
  expect(breaking).toHaveLength(1);
});

test.each([
  ['a new field', /^type Query \{/m, 'type Query {\n  another: Int'],
  ['a new optional argument', /after: Int$/m, 'after: Int\n    another: Int'],
  ['a new enum value', /^enum FailureReason \{/m, 'enum FailureReason {\n  ANOTHER'],
])('%s is not breaking', async (_name, from, to) => {
  const { breaking, harmless } = await schemaChanges(landed, landed.replace(from, to));
  expect(breaking).toEqual([]);
  expect(harmless.length).toBeGreaterThan(0);
});
