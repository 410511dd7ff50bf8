import { readdir, readFile } from 'node:fs/promises';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getIntrospectionQuery,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isNullableType,
  isObjectType,
  isRequiredArgument,
  NoUnusedFragmentsRule,
  parse,
  print,
  specifiedRules,
  validate,
  valueFromAST,
} from 'graphql';
import { expect, test } from 'vitest';
import { EVENT_KINDS } from '../../src/domain/events.ts';
import { printedSchema } from '../../src/graphql/schema/schema.ts';
import { limitErrors } from '../../src/graphql/server/documentLimits.ts';

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
const contract = buildSchema(await read('contract.graphql'));
const printed = buildSchema(printedSchema());

/** Every promise of a schema as one line: types, fields, arguments, nullability, defaults, enum values. */
const promises = (schema: GraphQLSchema): Set<string> => {
  const lines = new Set<string>();
  const argument = (owner: string, given: GraphQLArgument | GraphQLInputField): void => {
    const ast = given.astNode?.defaultValue;
    const value = ast ? ` = ${JSON.stringify(valueFromAST(ast, given.type))}` : '';
    lines.add(`${owner}(${given.name}: ${given.type}${value})`);
  };
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue;
    lines.add(`${type.astNode?.kind ?? 'built in'} ${type.name}`);
    if (isEnumType(type)) for (const { name } of type.getValues()) lines.add(`${type.name}.${name}`);
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) argument(type.name, field);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const parent of type.getInterfaces()) lines.add(`${type.name} implements ${parent.name}`);
    for (const field of Object.values(type.getFields())) {
      lines.add(`${type.name}.${field.name}: ${field.type}`);
      for (const given of field.args) argument(`${type.name}.${field.name}`, given);
    }
  }
  return lines;
};

/** The parts of the type that have no description. */
const undescribed = (type: GraphQLNamedType): string[] => {
  const places: string[] = type.description ? [] : [type.name];
  const look = (path: string, thing: { readonly description?: string | null | undefined }): void => {
    if (!thing.description) places.push(path);
  };
  if (isEnumType(type)) for (const value of type.getValues()) look(`${type.name}.${value.name}`, value);
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return places;
  for (const field of Object.values(type.getFields())) {
    look(`${type.name}.${field.name}`, field);
    if ('args' in field) for (const given of field.args) look(`${type.name}.${field.name}(${given.name})`, given);
  }
  return places;
};

test('the schema keeps every promise of the contract unchanged', () => {
  const held = promises(printed);
  const missing = [...promises(contract)].filter((promise) => !held.has(promise));
  expect(promises(contract).size).toBeGreaterThan(250);
  expect(missing).toEqual([]);
});

test('fields that the schema adds to inputs of the contract are optional', () => {
  for (const type of Object.values(contract.getTypeMap())) {
    const own = printed.getType(type.name);
    if (!isInputObjectType(type) || !isInputObjectType(own)) continue;
    for (const field of Object.values(own.getFields())) {
      if (field.name in type.getFields()) continue;
      expect(`${field.name}: ${field.type}`).not.toMatch(/!$/);
    }
  }
});

/** All fields of the type, three levels deep, except those with required arguments. */
const allFields = (type: GraphQLNamedType, levels = 3): string => {
  if (!isObjectType(type) && !isInterfaceType(type)) return '';
  const fields = Object.values(type.getFields()).filter(({ args }) => !args.some(isRequiredArgument));
  const parts = fields.map((field) => {
    const named = getNamedType(field.type);
    if (isLeafType(named)) return field.name;
    return levels > 1 ? `${field.name} { __typename ${allFields(named, levels - 1)} }` : '';
  });
  return parts.join(' ');
};

test('one document can select all fields of all types of an interface or union', () => {
  const abstract = Object.values(printed.getTypeMap()).filter((type) => isAbstractType(type));
  expect(abstract.map(({ name }) => name)).toContain('RunEvent');
  const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule);
  for (const type of abstract) {
    // Run.name is nullable and ApiToken.name is not: the contract has them so, and a document selects one by an alias.
    const selected = (possible: GraphQLNamedType): string =>
      allFields(possible).replace(/\bname\b/, type.name === 'Node' ? `${possible.name}: name` : 'name');
    const parts = printed.getPossibleTypes(type).map((possible) => `... on ${possible.name} { ${selected(possible)} }`);
    const document = parse(`fragment All on ${type.name} { ${parts.join('\n')} }`);
    expect([type.name, validate(printed, document, rules)]).toEqual([type.name, []]);
  }
});

test('root fields that can fail, and Run.logs, are nullable, so that a failure does not remove the other fields', () => {
  const fields = [
    ...Object.values(printed.getMutationType()?.getFields() ?? {}),
    printed.getQueryType()?.getFields().runs,
  ];
  for (const field of fields)
    expect([field?.name, String(field?.type)]).not.toEqual([field?.name, expect.stringMatching(/!$/)]);
  const run = printed.getType('Run');
  expect(isObjectType(run) && isNullableType(run.getFields().logs?.type)).toBe(true);
});

test('E6: the event types are exactly those of the contract', () => {
  const names = (schema: GraphQLSchema) => {
    const type = schema.getType('RunEvent');
    return isInterfaceType(type)
      ? schema
          .getPossibleTypes(type)
          .map(({ name }) => name)
          .sort()
      : [];
  };
  expect(names(printed)).toEqual(names(contract));
  expect(names(printed)).toEqual([...EVENT_KINDS].sort());
});

test('every type, field, argument and enum value has a description', () => {
  const types = Object.values(printed.getTypeMap()).filter((type) => type.astNode);
  expect(types.flatMap(undescribed)).toEqual([]);
});

test('schema/schema.graphql is up to date (if not: npm run schema:print)', async () => {
  expect(await read('../../schema/schema.graphql')).toBe(printedSchema());
});

test('the operations of schema/operations are valid and within the limits', async () => {
  const folder = new URL('../../schema/operations/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.graphql'));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files) {
    const document = parse(await readFile(new URL(name, folder), 'utf8'));
    expect([name, validate(printed, document)]).toEqual([name, []]);
    expect([name, limitErrors(document)]).toEqual([name, []]);
  }
});

test('the introspection query of tools is within the limits', () => {
  const query = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  const document = parse(query);
  expect(limitErrors(document)).toEqual([]);
  expect(validate(printed, document)).toEqual([]);
  expect(print(document)).toContain('__schema');
});
