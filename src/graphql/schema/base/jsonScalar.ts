/** The scalar JSON. Numbers keep the digits that they were given with, in variables and in literals. */
import {
  type ConstObjectFieldNode,
  type ConstValueNode,
  GraphQLError,
  GraphQLScalarType,
  Kind,
  type ValueNode,
} from 'graphql';
import type { JsonValue } from '../../../domain/events.ts';
import { isRawNumber, rawNumber } from '../../../domain/text/exactJson.ts';

export const BARE_WORD = 'A string must be in quotes. Put it in quotes, or use true, false, null or a number.';

/** GraphQL writes numbers as JSON does. @throws GraphQLError for a string without quotes, which GraphQL parses as an enum value */
const jsonOf = (node: ConstValueNode): JsonValue => {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.INT:
    case Kind.FLOAT:
      return rawNumber(node.value) as JsonValue;
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map(jsonOf);
    case Kind.OBJECT:
      // fromEntries, because a member can be named __proto__.
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, jsonOf(value)]));
    case Kind.ENUM:
      throw new GraphQLError(BARE_WORD, { nodes: node });
  }
};

const numberNode = (value: string): ConstValueNode =>
  /^-?\d+$/.test(value) ? { kind: Kind.INT, value } : { kind: Kind.FLOAT, value };

/** For a variable inside a literal. Numbers keep their digits. */
const literalOf = (value: unknown): ConstValueNode => {
  if (isRawNumber(value)) return numberNode(value.rawJSON);
  switch (typeof value) {
    case 'string':
      return { kind: Kind.STRING, value };
    case 'boolean':
      return { kind: Kind.BOOLEAN, value };
    case 'number':
      return numberNode(String(value));
    default:
  }
  if (Array.isArray(value)) return { kind: Kind.LIST, values: value.map(literalOf) };
  if (typeof value !== 'object' || value === null) return { kind: Kind.NULL };
  const fields = Object.entries(value).map(
    ([name, member]): ConstObjectFieldNode => ({
      kind: Kind.OBJECT_FIELD,
      name: { kind: Kind.NAME, value: name },
      value: literalOf(member),
    }),
  );
  return { kind: Kind.OBJECT, fields };
};

export const GraphQLJson = new GraphQLScalarType<unknown, unknown>({
  name: 'JSON',
  description:
    'Any JSON value: null, a boolean, a number, a string, a list or an object. Numbers keep all their digits: a number is returned exactly as it was given.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  coerceOutputValue: (value) => value,
  coerceInputValue: (value) => value,
  coerceInputLiteral: (node) => jsonOf(node as ConstValueNode),
  valueToLiteral: (value) => literalOf(value),
  extensions: { codegenScalarType: 'unknown' },
});

/** Paths of the strings without quotes in a literal, from the literal's root. */
export const bareWords = (node: ValueNode, path = ''): readonly string[] => {
  if (node.kind === Kind.ENUM) return [path];
  if (node.kind === Kind.LIST) return node.values.flatMap((item, index) => bareWords(item, `${path}.${index}`));
  if (node.kind !== Kind.OBJECT) return [];
  return node.fields.flatMap(({ name, value }) => bareWords(value, `${path}.${name.value}`));
};
