import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSchema, GraphQLEnumType, isInterfaceType } from 'graphql';
import { expect, test } from 'vitest';
import { namesIn, ROOT, readDocument, tableRows } from '../../support/documents.ts';

const schema = buildSchema(readFileSync(join(ROOT, 'schema/schema.graphql'), 'utf8'));
const valuesOf = (name: string): string[] => {
  const type = schema.getType(name);
  return type instanceof GraphQLEnumType ? type.getValues().map((value) => value.name) : [];
};

test('the reference has a row for every event type', () => {
  const type = schema.getType('RunEvent');
  const types = isInterfaceType(type) ? schema.getPossibleTypes(type).map(({ name }) => name) : [];
  const rows = tableRows(readDocument('docs/reference/events.md'), '## Event types');
  expect(rows.flatMap(([cell]) => namesIn(cell)).sort()).toEqual(types.sort());
});

test('the reference has a row for every subscription', () => {
  const fields = Object.keys(schema.getSubscriptionType()?.getFields() ?? {});
  const rows = tableRows(readDocument('docs/reference/events.md'), '## Subscriptions');
  expect(rows.flatMap(([cell]) => namesIn(cell)).sort()).toEqual(fields.sort());
});

test.each([
  ['RunStatus', '## Status'],
  ['FailureReason', '## Why a run failed'],
])('the reference has a row for every value of %s', (name, heading) => {
  const rows = tableRows(readDocument('docs/reference/runs.md'), heading);
  expect(rows.map(([cell]) => cell).sort()).toEqual(valuesOf(name).sort());
});
