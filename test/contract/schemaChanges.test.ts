import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { schemaChanges } from '../../scripts/schemaChanges.ts';
import { printedSchema } from '../../src/graphql/schema/schema.ts';

const landed = await readFile(new URL('../../schema/baseline.graphql', import.meta.url), 'utf8');

test('nothing that breaks clients has changed since the schema that landed last', async () => {
  // On purpose: npm run schema:accept -- --breaking, and a word in CHANGELOG.md.
  expect((await schemaChanges(landed, printedSchema())).breaking).toEqual([]);
});

test('what was added is accepted too, so that its removal will be noticed: npm run schema:accept', async () => {
  expect((await schemaChanges(landed, printedSchema())).harmless).toEqual([]);
});

test.each([
  ['a field that is gone', /^ *exitCode: Int$/m, ''],
  ['a field that may be null now', /status: RunStatus!/, 'status: RunStatus'],
  ['an argument that is required now', /after: Int$/m, 'after: Int!'],
  ['an enum value that is gone', /^ *TIMEOUT$/m, ''],
  ['another type of a field', /lastSeq: Int!/, 'lastSeq: String!'],
])('%s is breaking', async (_name, from, to) => {
  const changed = landed.replace(/"""[^"]*"""\n/g, '').replace(from, to);
  const { breaking } = await schemaChanges(landed, changed);
  expect(breaking).toHaveLength(1);
});

test.each([
  ['a new field', /^type Query \{/m, 'type Query {\n  another: Int'],
  ['a new argument that may be left out', /after: Int$/m, 'after: Int\n    another: Int'],
  ['a new enum value', /^enum FailureReason \{/m, 'enum FailureReason {\n  ANOTHER'],
])('%s is not breaking', async (_name, from, to) => {
  const { breaking, harmless } = await schemaChanges(landed, landed.replace(from, to));
  expect(breaking).toEqual([]);
  expect(harmless.length).toBeGreaterThan(0);
});
