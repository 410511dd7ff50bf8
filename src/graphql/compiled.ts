/**
 * Subscriptions' results as JSON text, by a selection that was compiled once: a third of what graphql-js
 * costs per line of a list. It calls the schema's own resolvers and its scalars, and knows only what they
 * need here: no arguments below the root, no promises. Whatever is otherwise (an error, a null where none
 * may be) is left to graphql-js, which says it right.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLBoolean,
  type GraphQLField,
  GraphQLID,
  GraphQLInt,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLString,
  isAbstractType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** JSON text of a value. @throws NotCompiled where graphql-js must have a look. */
type Write = (value: unknown) => string;

/** The compiled text does not exist for this operation or value; not an error that anybody sees. */
export class NotCompiled extends Error {
  override readonly name = 'NotCompiled';
}

export interface CompiledOperation {
  /** The whole result, `{"data":{…}}`, for the value that the source gave. @throws NotCompiled */
  result(rootValue: unknown): string;
}

export type Variables = Readonly<Record<string, unknown>>;

/** @throws NotCompiled where the operation has what is not known here (@defer, @stream, arguments below the root) */
export const compileSubscription = (
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Variables,
): CompiledOperation => {
  const root = schema.getSubscriptionType();
  if (!root) throw new NotCompiled();
  const compiler = new Compiler(schema, fragments, variables);
  const write = compiler.object(root, [operation.selectionSet], true);
  return { result: (rootValue) => `{"data":${write(rootValue)}}` };
};

class Compiler {
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: Variables;

  constructor(schema: GraphQLSchema, fragments: ReadonlyMap<string, FragmentDefinitionNode>, variables: Variables) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variables = variables;
  }

  object(type: GraphQLObjectType, sets: readonly SelectionSetNode[], isRoot = false): Write {
    const groups = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(type, set.selections, groups, new Set());
    const fields = [...groups].map(([name, nodes], index) => ({
      before: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
      write: this.#field(type, nodes, isRoot),
    }));
    if (fields.length === 0) return constant('{}');
    return (source) => {
      let text = '';
      for (const { before, write } of fields) text += before + write(source);
      return `${text}}`;
    };
  }

  /** The specification's CollectFields (section 6.3.2). */
  #collect(
    type: GraphQLObjectType,
    selections: readonly SelectionNode[],
    groups: Map<string, FieldNode[]>,
    visited: Set<string>,
  ): void {
    for (const selection of selections) {
      if (!this.#included(selection)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const group = groups.get(name);
        if (group) group.push(selection);
        else groups.set(name, [selection]);
        continue;
      }
      const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragments.get(selection.name.value);
      if (fragment === undefined) throw new NotCompiled();
      if (selection.kind === Kind.FRAGMENT_SPREAD) {
        if (visited.has(selection.name.value)) continue;
        visited.add(selection.name.value);
      }
      const condition = fragment.typeCondition?.name.value;
      if (condition === undefined || this.#applies(type, condition)) {
        this.#collect(type, fragment.selectionSet.selections, groups, visited);
      }
    }
  }

  #applies(type: GraphQLObjectType, condition: string): boolean {
    const on = this.#schema.getType(condition);
    return on === type || (isAbstractType(on) && this.#schema.isSubType(on, type));
  }

  #included(selection: SelectionNode): boolean {
    for (const directive of selection.directives ?? []) {
      const name = directive.name.value;
      const value = directive.arguments?.[0]?.value;
      const flag =
        value?.kind === Kind.BOOLEAN
          ? value.value
          : value?.kind === Kind.VARIABLE
            ? this.#variables[value.name.value]
            : undefined;
      if ((name !== 'include' && name !== 'skip') || typeof flag !== 'boolean') throw new NotCompiled();
      if (flag === (name === 'skip')) return false;
    }
    return true;
  }

  #field(parent: GraphQLObjectType, nodes: readonly FieldNode[], isRoot: boolean): Write {
    const [node] = nodes;
    const name = node?.name.value ?? '';
    if (name === '__typename') return constant(JSON.stringify(parent.name));
    const field: GraphQLField<unknown, unknown> | undefined = parent.getFields()[name];
    if (field === undefined || (!isRoot && field.args.length > 0)) throw new NotCompiled();
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const write = this.#value(field.type, sets);
    // Resolvers below a subscription's root look at their source alone; one that wanted more would throw here.
    const resolve = field.resolve as ((source: unknown, args: object) => unknown) | undefined;
    if (resolve === undefined) return (source) => write((source as Record<string, unknown>)[name]);
    return (source) => write(resolve(source, NO_ARGUMENTS));
  }

  #value(type: GraphQLOutputType, sets: readonly SelectionSetNode[]): Write {
    if (isNonNullType(type)) {
      const write = this.#nullable(type.ofType, sets);
      return (value) => {
        if (value === null || value === undefined) throw new NotCompiled();
        return write(value);
      };
    }
    const write = this.#nullable(type, sets);
    return (value) => (value === null || value === undefined ? 'null' : write(value));
  }

  #nullable(type: GraphQLOutputType, sets: readonly SelectionSetNode[]): Write {
    if (isListType(type)) {
      const write = this.#value(type.ofType, sets);
      return (value) => {
        if (!Array.isArray(value)) throw new NotCompiled();
        let text = '[';
        for (let i = 0; i < value.length; i += 1) text += i === 0 ? write(value[i]) : `,${write(value[i])}`;
        return `${text}]`;
      };
    }
    if (isLeafType(type)) return leaf(type);
    if (isObjectType(type)) {
      const write = this.object(type, sets);
      return (value) => {
        if (value instanceof Promise) throw new NotCompiled();
        return write(value);
      };
    }
    if (!isAbstractType(type)) throw new NotCompiled();
    const writers = new Map<string, Write>();
    const nameOf = type.resolveType as ((value: unknown) => unknown) | null | undefined;
    for (const possible of this.#schema.getPossibleTypes(type)) writers.set(possible.name, this.object(possible, sets));
    return (value) => {
      const write = writers.get(String(nameOf?.(value)));
      if (write === undefined) throw new NotCompiled();
      return write(value);
    };
  }
}

const NO_ARGUMENTS = Object.freeze({});
const constant =
  (text: string): Write =>
  () =>
    text;

const leaf = (type: Extract<GraphQLOutputType, { coerceOutputValue: unknown }>): Write => {
  if (isEnumType(type)) {
    const texts = new Map<unknown, string>(type.getValues().map(({ name, value }) => [value, JSON.stringify(name)]));
    return (value) => texts.get(value) ?? notCompiled();
  }
  if (type === GraphQLString || type === GraphQLID) {
    return (value) => (typeof value === 'string' ? JSON.stringify(value) : notCompiled());
  }
  if (type === GraphQLInt) {
    return (value) => (typeof value === 'number' && (value | 0) === value ? String(value) : notCompiled());
  }
  if (type === GraphQLBoolean) return (value) => (typeof value === 'boolean' ? String(value) : notCompiled());
  // Lines of one read share their instant.
  let last: unknown = Symbol('none');
  let lastText = '';
  return (value) => {
    if (value === last && typeof value !== 'object') return lastText;
    const text = JSON.stringify(type.coerceOutputValue(value));
    if (text === undefined) return notCompiled();
    last = value;
    lastText = text;
    return text;
  };
};

const notCompiled = (): never => {
  throw new NotCompiled();
};
