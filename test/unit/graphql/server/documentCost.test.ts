import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getIntrospectionQuery, Kind, parse } from 'graphql';
import { expect, test } from 'vitest';
import { LIMITS } from '../../../../src/domain/limits.ts';
import { costOf } from '../../../../src/graphql/server/documentCost.ts';
import { ROOT } from '../../../support/documents.ts';

const cost = (text: string, variableValues: Record<string, unknown> = {}, operationName?: string): number =>
  costOf({ document: parse(text), variableValues, operationName });

test('a field costs about a point, and what is below a page as often as the page has items', () => {
  expect(cost('{ __typename }')).toBe(1);
  expect(cost('{ run(id: "x") { id status } }')).toBe(3);
  // runs, and for each of 50: edges, node, id.
  expect(cost('{ runs { edges { node { id } } } }')).toBe(1 + 50 * 3);
  expect(cost('{ runs(last: 7) { edges { node { id } } } }')).toBe(1 + 7 * 3);
  expect(cost('query ($n: Int) { runs(first: $n) { edges { node { id } } } }', { n: 500 })).toBe(1 + 500 * 3);
  expect(cost('{ runs(first: 2) { edges { node { logs { events { seq } } } } } }')).toBe(1 + 2 * (3 + 100 * 2));
});

test('fragments, aliases and the chosen operation count', () => {
  expect(
    cost('{ a: runs(first: 1) { ...F } b: runs(first: 1) { ...F } } fragment F on RunConnection { edges { cursor } }'),
  ).toBe(6);
  const two = 'query A { __typename } query B { runs { edges { cursor } } }';
  expect([cost(two, {}, 'A'), cost(two, {}, 'B')]).toEqual([1, 101]);
});

test.each([
  ['{ runs(first: 2000000000) { edges { cursor } } }', 1 + 500 * 2],
  ['{ runs(first: -5) { edges { cursor } } }', 1],
  ['query ($n: Int!) { runs(first: $n) { edges { cursor } } }', 1],
  ['query A { __typename } query B { __typename }', 1],
])('a document that is refused anyway costs a finite amount: %s', (text, expected) => {
  expect(cost(text)).toBe(expected);
});

const documents = (folder: string): [string, string][] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.graphql'))
    .map((name) => [name, readFileSync(join(ROOT, folder, name), 'utf8')]);

test('introspection, the documents of the examples and those of the schema cost far less than the bound', () => {
  const texts = [
    ['introspection', getIntrospectionQuery()],
    ...documents('schema/operations'),
    ...documents('examples'),
  ];
  expect(texts.length).toBeGreaterThan(2);
  for (const [name, text = ''] of texts) {
    const document = parse(text);
    for (const definition of document.definitions) {
      if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
      const found = costOf({ document, variableValues: {}, operationName: definition.name?.value });
      expect(found, name).toBeLessThan(LIMITS.documentCost / 50);
    }
  }
});

test('the largest pages that are of use cost less than the bound, and absurd ones more', () => {
  const fields = 'seq timestamp ... on LogLine { level stream message logger fields exception { type } truncated }';
  expect(cost(`{ run(id: "x") { logs(first: 5000) { events { ${fields} } } } }`)).toBeLessThan(
    LIMITS.documentCost / 10,
  );
  expect(cost(`{ runs(first: 50) { edges { node { logs { events { ${fields} } } } } } }`)).toBeLessThan(
    LIMITS.documentCost,
  );
  const absurd = '{ runs(first: 500) { edges { node { logs(first: 5000) { events { seq } } } } } }';
  expect(cost(absurd)).toBeGreaterThan(LIMITS.documentCost);
});
