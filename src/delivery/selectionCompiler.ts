/** Compiles a selection into writers, by the schema's own resolvers and scalars. */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNullableType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { eventSource, LinesSource } from './eventSource.ts';
import {
  constant,
  type Field,
  leaf,
  NotCompiled,
  notCompiled,
  object,
  type Write,
  type WriteLines,
} from './jsonWriters.ts';
import {
  LINES_PLACE,
  type LineNumber,
  type LinesText,
  type LineTemplate,
  linesText,
  MESSAGE_PLACE,
} from './linesText.ts';

export type Variables = Readonly<Record<string, unknown>>;

const NO_ARGUMENTS = Object.freeze({});

/** @throws NotCompiled from each method, for what it does not know: @defer, @stream, arguments below the root */
export class SelectionCompiler {
  /** Lines of the result that is being written, in order. */
  lines: LinesText[] = [];
  readonly #schema: GraphQLSchema;
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly #variables: Variables;

  constructor(schema: GraphQLSchema, fragments: ReadonlyMap<string, FragmentDefinitionNode>, variables: Variables) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variables = variables;
  }

  fields(type: GraphQLObjectType, sets: readonly SelectionSetNode[], isRoot = false): readonly Field[] {
    const groups = new Map<string, FieldNode[]>();
    for (const set of sets) this.#collect(type, set.selections, groups, new Set());
    return [...groups].map(([responseName, nodes], index) => ({
      name: nodes[0]?.name.value ?? '',
      before: `${index === 0 ? '{' : ','}${JSON.stringify(responseName)}:`,
      ...this.#field(type, nodes, isRoot),
    }));
  }

  /** CollectFields of the GraphQL specification, section 6.3.2. */
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

  #field(parent: GraphQLObjectType, nodes: readonly FieldNode[], isRoot: boolean): Pick<Field, 'write' | 'writeLines'> {
    const [node] = nodes;
    const name = node?.name.value ?? '';
    if (name === '__typename') return { write: constant(JSON.stringify(parent.name)), writeLines: null };
    const field: GraphQLField<unknown, unknown> | undefined = parent.getFields()[name];
    if (field === undefined || (!isRoot && field.args.length > 0)) throw new NotCompiled();
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    const write = this.#value(field.type, sets);
    const type = getNullableType(field.type);
    const writeLines = isRoot && isAbstractType(type) ? this.#lines(type, sets) : null;
    // Our resolvers below a subscription's root read only their source.
    const resolve = field.resolve as ((source: unknown, args: object) => unknown) | undefined;
    if (resolve === undefined)
      return { write: (source) => write((source as Record<string, unknown>)[name]), writeLines };
    return { write: (source) => write(resolve(source, NO_ARGUMENTS)), writeLines };
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
      const write = object(this.fields(type, sets));
      return (value) => {
        if (value instanceof Promise) throw new NotCompiled();
        return write(value);
      };
    }
    if (!isAbstractType(type)) throw new NotCompiled();
    const writers = new Map<string, Write>();
    const nameOf = type.resolveType as ((value: unknown) => unknown) | null | undefined;
    for (const possible of this.#schema.getPossibleTypes(type)) {
      writers.set(possible.name, object(this.fields(possible, sets)));
    }
    const writeLines = this.#lines(type, sets);
    return (value) => {
      if (value instanceof LinesSource) {
        this.lines.push(writeLines?.(value, ',') ?? notCompiled());
        return LINES_PLACE;
      }
      const write = writers.get(String(nameOf?.(value)));
      if (write === undefined) throw new NotCompiled();
      return write(value);
    };
  }

  /** Plain lines differ in message and numbers only; everything else is written once. Null if the type cannot be a line. */
  #lines(type: GraphQLAbstractType, sets: readonly SelectionSetNode[]): WriteLines | null {
    const line = this.#schema.getPossibleTypes(type).find(({ name }) => name === 'LogLine');
    if (line === undefined) return null;
    const fields = this.fields(line, sets);
    const numbered = fields.flatMap(({ name }): LineNumber[] => (name === 'seq' || name === 'line' ? [name] : []));
    const unnumbered = numbered.filter((name) => name === 'seq');
    return ({ runId, lines }, separator) => {
      const numbers = lines.firstLine === null ? unnumbered : numbered;
      const [first] = lines.events(1);
      const source = first && eventSource(runId, first);
      const template: LineTemplate = (placeOf) => {
        let text = fields.length === 0 ? '{' : '';
        for (const { name, before, write } of fields) {
          const isNumber = name === 'seq' || (name === 'line' && numbers !== unnumbered);
          text += before + (isNumber ? placeOf(name) : name === 'message' ? MESSAGE_PLACE : write(source));
        }
        return `${text}}`;
      };
      return linesText(lines, template, numbers, separator);
    };
  }
}
