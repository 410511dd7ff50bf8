/** The scalar JSON: values whose numbers keep the text that they were given with, in variables and in literals. */
import {
  type ConstObjectFieldNode,
  type ConstValueNode,
  GraphQLError,
  GraphQLScalarType,
  Kind,
  type ValueNode,
} from 'graphql';
import type { JsonValue } from '../../domain/events.ts';
import { isRawNumber, rawNumber } from '../../domain/text/exactJson.ts';

export const BARE_WORD = 'This text has no quotes. Put it in quotes, or give true, false, null or a number.';

/** GraphQL's numbers are JSON's. @throws GraphQLError at a text without quotes, which GraphQL takes for an enum's value */
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
      // A member may be called __proto__.
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, jsonOf(value)]));
    case Kind.ENUM:
      throw new GraphQLError(BARE_WORD, { nodes: node });
  }
};

const numberNode = (value: string): ConstValueNode =>
  /^-?\d+$/.test(value) ? { kind: Kind.INT, value } : { kind: Kind.FLOAT, value };

/** For a variable within a literal. Numbers keep their text. */
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
    'Any JSON value: null, a boolean, a number, a text, a list or an object. Numbers keep all their digits: what is printed is what was given.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  coerceOutputValue: (value) => value,
  coerceInputValue: (value) => value,
  coerceInputLiteral: (node) => jsonOf(node as ConstValueNode),
  valueToLiteral: (value) => literalOf(value),
  extensions: { codegenScalarType: 'unknown' },
});

/** Where texts without quotes stand in a literal, as paths from it. */
export const bareWords = (node: ValueNode, path = ''): readonly string[] => {
  if (node.kind === Kind.ENUM) return [path];
  if (node.kind === Kind.LIST) return node.values.flatMap((item, index) => bareWords(item, `${path}.${index}`));
  if (node.kind !== Kind.OBJECT) return [];
  return node.fields.flatMap(({ name, value }) => bareWords(value, `${path}.${name.value}`));
};
