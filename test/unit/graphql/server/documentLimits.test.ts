import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { limitErrors } from '../../../../src/graphql/server/documentLimits.ts';

const codes = (query: string) => limitErrors(parse(query)).map((error) => `${error.extensions.code} ${error.message}`);
const nested = (levels: number) => `${'{ a '.repeat(levels)}${'}'.repeat(levels)}`;
const refused = (what: string) => [
  expect.stringContaining(`LIMIT_EXCEEDED The document is too large: at most ${what}`),
];

test('15 levels of fields are accepted, 16 are not', () => {
  expect(codes(nested(15))).toEqual([]);
  expect(codes(nested(16))).toEqual(refused('15 levels of fields'));
});

test('levels are counted through named and inline fragments, for any name of a fragment', () => {
  expect(codes(`query { ...__schema } fragment __schema on Query { ... on Query ${nested(16)} }`)).toEqual(
    refused('15 levels of fields'),
  );
});

test('a fragment that was counted at a shallow position is counted again at a deep one', () => {
  const query = `{ ...F ${'a { '.repeat(10)} ...F ${'}'.repeat(10)} } fragment F on Query ${nested(8)}`;
  expect(codes(query)).toEqual(refused('15 levels of fields'));
});

test('introspection can be deeper, up to its own limit', () => {
  expect(codes(`{ __schema ${nested(18)} }`)).toEqual([]);
  expect(codes(`{ __schema ${nested(20)} }`)).toEqual(refused('20 levels of introspection'));
});

test('30 aliases are accepted, 31 are not, whether direct or through fragments', () => {
  const aliases = (count: number) => Array.from({ length: count }, (_, i) => `a${i}: b`).join(' ');
  expect(codes(`{ x { ${aliases(30)} } }`)).toEqual([]);
  expect(codes(`{ x { ${aliases(31)} } }`)).toEqual(refused('30 aliases'));
  expect(codes(`{ x { ...F } y { ...F } } fragment F on T { ${aliases(16)} }`)).toEqual(refused('30 aliases'));
});

test('the numbers of directives and root fields are limited', () => {
  expect(codes(`{ a ${'@skip(if: false) '.repeat(31)} }`)).toEqual(refused('30 directives'));
  expect(codes(`query ${'@a '.repeat(31)} { a }`)).toEqual(refused('30 directives'));
  const fields = Array.from({ length: 31 }, (_, i) => `f${i}`).join(' ');
  expect(codes(`{ ${fields} }`)).toEqual(refused('30 root fields'));
});

test('the number of fields is limited, since validation compares them with each other', () => {
  expect(codes(`{ a { ${'b '.repeat(501)} } }`)).toEqual(refused('500 fields'));
});

test('a document of nested fragments takes time proportional to its text', () => {
  const bomb = Array.from({ length: 150 }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`);
  const query = `{ ...F0 } ${bomb.join(' ')} fragment F150 on Query { a: b }`;
  // Expanded it has 2^150 fields; to visit each of them would never end.
  expect(codes(query)).toEqual(refused('30 aliases'));
});

test('fragments that contain themselves do not cause an endless loop', () => {
  expect(codes('{ ...A } fragment A on Query { a ...B } fragment B on Query { b ...A }')).toEqual([]);
});

test('a document can select the schema four times at most', () => {
  const times = (count: number) => Array.from({ length: count }, (_, i) => `s${i}: __schema { description }`).join(' ');
  expect(codes(`{ ${times(4)} }`)).toEqual([]);
  expect(codes(`{ ${times(5)} }`)).toEqual(refused('4 introspections'));
});
