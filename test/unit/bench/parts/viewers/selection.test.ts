/** The bench assumes that graphql-js executes no log selection. These tests check it against the schema. */
import { getNamedType, isAbstractType, isObjectType, Kind, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { FILTERS } from '../../../../../bench/parts/viewers/filter.ts';
import { SELECTIONS } from '../../../../../bench/parts/viewers/selection.ts';
import { RECORDS } from '../../../../../bench/parts/viewers/structured.ts';
import { compileSubscription } from '../../../../../src/delivery/compiledSelection.ts';
import { schema } from '../../../../../src/graphql/schema/schema.ts';

/** The type and all types that its fields lead to. */
const reachable = (name: string, found = new Set<string>()): Set<string> => {
  const type = schema.getType(name);
  if (found.has(name) || type === undefined) return found;
  found.add(name);
  if (isAbstractType(type)) for (const possible of schema.getPossibleTypes(type)) reachable(possible.name, found);
  if (!isObjectType(type)) return found;
  for (const field of Object.values(type.getFields())) reachable(getNamedType(field.type).name, found);
  return found;
};

test('Every log selection can be compiled: no field below it has arguments, and the only directives are skip and include.', () => {
  const withArguments = [...reachable('RunEventBatch')].flatMap((name) => {
    const type = schema.getType(name);
    if (!isObjectType(type)) return [];
    return Object.values(type.getFields()).filter(({ args }) => args.length > 0);
  });
  expect(withArguments).toEqual([]);
  const executable = schema.getDirectives().filter(({ locations }) => locations.some((place) => place === 'FIELD'));
  expect(executable.map(({ name }) => name).sort()).toEqual(['include', 'skip']);
});

test.for([RECORDS, ...FILTERS, ...SELECTIONS])(
  'The subscription "$name" of the bench is valid and compiled.',
  (variant) => {
    const { query, variables = {} } = variant.question(0);
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const [operation, ...fragments] = document.definitions;
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('the operation comes first');
    const named = fragments.flatMap((one) =>
      one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one] as const] : [],
    );
    expect(() => compileSubscription(schema, operation, new Map(named), variables)).not.toThrow();
  },
);
