/**
 * Checks an argument against its type. Reports all problems at once, each with its path and never with the value, which
 * can be a secret. The messages of graphql-js repeat the value and have no path (decision 24).
 */
import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  isScalarType,
  Kind,
  type ValueNode,
  valueFromASTUntyped,
} from 'graphql';
import { type InputCheck, type InputProblem, inputProblem } from '../../domain/errors.ts';
import { LIMITS } from '../../domain/limits.ts';
import { isRawNumber, plainNumber, type RawNumber } from '../../domain/text/exactJson.ts';
import { BARE_WORD, bareWords } from '../schema/base/jsonScalar.ts';

/** Collects up to LIMITS.inputProblems problems; a walk stops when it is full. */
class Problems {
  readonly list: InputProblem[] = [];
  get isFull(): boolean {
    return this.list.length >= LIMITS.inputProblems;
  }
  add(argument: string, text: string): void {
    if (!this.isFull) this.list.push(inputProblem(argument, text));
  }
}

/** Access to a value of a variable or to a literal, so that one walk serves both. */
interface Given<T> {
  isNull(value: T): boolean;
  /** Null if it is not a list. */
  items(value: T): readonly T[] | null;
  /** Null if it is not an object. */
  members(value: T): ReadonlyMap<string, T> | null;
  /** A variable inside a literal: its value is checked separately. */
  isUnknown(value: T): boolean;
  leaf(type: GraphQLLeafType, value: T, path: string, problems: Problems): void;
}

const expected = (type: GraphQLLeafType): string => {
  if (isEnumType(type))
    return `Must be one of ${type
      .getValues()
      .map(({ name }) => name)
      .join(', ')}.`;
  return EXPECTED[type.name] ?? `Must be a value of type ${type.name}.`;
};
const EXPECTED: Readonly<Record<string, string>> = {
  Int: 'Must be a whole number of 32 bits.',
  Float: 'Must be a number.',
  String: 'Must be a string.',
  ID: 'Must be an id, which is a string.',
  Boolean: 'Must be true or false.',
  DateTime: 'Must be a date and time, such as "2026-01-31T12:00:00.000Z".',
};

/** Strings have quotes, enum values have none. */
const quotesHint = (type: GraphQLLeafType, { kind }: ValueNode): string => {
  if (isEnumType(type)) return kind === Kind.STRING ? ' Write it without quotes.' : '';
  return kind === Kind.ENUM && (type.name === 'String' || type.name === 'ID') ? ' Put it in quotes.' : '';
};

const fits = (coerce: () => unknown): boolean => {
  try {
    return coerce() !== undefined;
  } catch {
    return false;
  }
};

const VALUES: Given<unknown> = {
  isNull: (value) => value === null,
  isUnknown: () => false,
  items: (value) => (Array.isArray(value) ? value : null),
  members: (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : null,
  leaf: (type, value, path, problems) => {
    if (!fits(() => type.coerceInputValue(value))) problems.add(path, expected(type));
  },
};

const LITERALS: Given<ValueNode> = {
  isNull: (node) => node.kind === Kind.NULL,
  isUnknown: (node) => node.kind === Kind.VARIABLE,
  items: (node) => (node.kind === Kind.LIST ? node.values : null),
  members: (node) =>
    node.kind === Kind.OBJECT ? new Map(node.fields.map(({ name, value }) => [name.value, value])) : null,
  leaf: (type, node, path, problems) => {
    if (type.name === 'JSON') {
      for (const word of bareWords(node)) problems.add(`${path}${word}`, BARE_WORD);
    } else if (!fits(() => type.coerceInputLiteral?.(node as never))) {
      problems.add(path, `${expected(type)}${quotesHint(type, node)}`);
    }
  },
};

/** One walk along a value or a literal and its type. */
class Walk<T> {
  readonly problems = new Problems();
  readonly #given: Given<T>;

  constructor(given: Given<T>) {
    this.#given = given;
  }

  value(type: GraphQLInputType, value: T, path: string): void {
    const given = this.#given;
    if (this.problems.isFull || given.isUnknown(value)) return;
    if (given.isNull(value)) {
      if (isNonNullType(type)) this.problems.add(path, 'Must not be null.');
      return;
    }
    const nullable = getNullableType(type);
    if (isListType(nullable)) this.#list(nullable.ofType, value, path);
    else if (isInputObjectType(nullable)) this.#object(nullable, value, path);
    else given.leaf(nullable as GraphQLLeafType, value, path, this.problems);
  }

  /** GraphQL accepts a single value in place of a list of one. */
  #list(itemType: GraphQLInputType, value: T, path: string): void {
    const items = this.#given.items(value);
    if (items === null) this.value(itemType, value, path);
    else for (const [index, item] of items.entries()) this.value(itemType, item, `${path}.${index}`);
  }

  #object(type: GraphQLInputObjectType, value: T, path: string): void {
    const members = this.#given.members(value);
    if (members === null) {
      this.problems.add(path, `Must be an object (${type.name}).`);
      return;
    }
    const fields = type.getFields();
    for (const [name, member] of members) {
      if (this.problems.isFull) return;
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      if (member === undefined) continue;
      if (field === undefined) this.problems.add(`${path}.${name}`, unknownField(name, Object.keys(fields)));
      else this.value(field.type, member, `${path}.${name}`);
    }
    for (const field of Object.values(fields)) {
      if (isRequiredInputField(field) && members.get(field.name) === undefined) {
        this.problems.add(`${path}.${field.name}`, 'This field is required.');
      }
    }
  }
}

/** Problems of a variable's value. Empty if the value fits its type; the values inside are checked by the resolver then. */
export const problemsOfValue = (type: GraphQLInputType, value: unknown, path: string): readonly InputProblem[] => {
  const walk = new Walk(VALUES);
  walk.value(type, value, path);
  return withChecks(walk.problems.list, type, () => value, path);
};

/** Problems of a literal, in the same way. Variables inside it are skipped. */
export const problemsOfLiteral = (type: GraphQLInputType, node: ValueNode, path: string): readonly InputProblem[] => {
  const walk = new Walk(LITERALS);
  walk.value(type, node, path);
  return withChecks(walk.problems.list, type, () => valueFromASTUntyped(node), path);
};

/** Adds what the input type's own check finds (InputCheck), except for paths that have a problem already. */
const withChecks = (
  found: readonly InputProblem[],
  type: GraphQLInputType,
  value: () => unknown,
  path: string,
): readonly InputProblem[] => {
  const nullable = getNullableType(type);
  const check = isInputObjectType(nullable) ? (nullable.extensions.problems as InputCheck | undefined) : undefined;
  if (found.length === 0 || check === undefined) return found;
  const isNew = ({ argument }: InputProblem): boolean =>
    !found.some(
      (one) => `${one.argument}.`.startsWith(`${argument}.`) || `${argument}.`.startsWith(`${one.argument}.`),
    );
  return [...found, ...check(value(), path).filter(isNew)].slice(0, LIMITS.inputProblems);
};

const unknownField = (name: string, known: readonly string[]): string => {
  const near = known
    .map((one) => ({ one, distance: distance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance: far }) => far <= Math.max(1, Math.floor(one.length * 0.4)))
    .sort((a, b) => a.distance - b.distance)[0];
  return `Unknown field.${near === undefined ? '' : ` Did you mean "${near.one}"?`}`;
};

/** Longer names are not typing errors. */
const COMPARED_CHARACTERS = 40;

/** Levenshtein distance: number of characters to change, add or remove. */
const distance = (a: string, b: string): number => {
  if (a.length > COMPARED_CHARACTERS) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
};

/** An id is a string, but can be given as a whole number; it keeps all digits. */
const rawFor = (type: GraphQLInputType, value: RawNumber): unknown => {
  const name = isScalarType(type) ? type.name : null;
  if (name === 'JSON') return value;
  return name === 'ID' && /^-?\d+$/.test(value.rawJSON) ? value.rawJSON : plainNumber(value);
};

/** The value with plain JavaScript numbers where its type is not JSON: only the scalar JSON accepts RawNumbers. */
export const withPlainNumbers = (type: GraphQLInputType, value: unknown): unknown => {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    if (Array.isArray(value)) return value.map((item) => withPlainNumbers(nullable.ofType, item));
    return withPlainNumbers(nullable.ofType, value);
  }
  if (isRawNumber(value)) return rawFor(nullable, value);
  if (!isInputObjectType(nullable) || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = nullable.getFields();
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
      return [name, field === undefined ? member : withPlainNumbers(field.type, member)];
    }),
  );
};
