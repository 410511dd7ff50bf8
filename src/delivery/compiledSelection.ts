/**
 * Subscriptions' results as JSON text, by a selection that was compiled once: a third of what graphql-js
 * costs per line of a list. It calls the schema's own resolvers and its scalars, and knows only what they
 * need here: no arguments below the root, no promises. Whatever is otherwise (an error, a null where none
 * may be) is left to graphql-js, which says it right. Plain lines need not be events for it (LinesSource).
 * All text here is byte strings: a character for each byte of UTF-8.
 */
import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLAbstractType,
  GraphQLBoolean,
  type GraphQLField,
  GraphQLID,
  GraphQLInt,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLString,
  getNullableType,
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
import { eventSource, LinesSource } from './eventSource.ts';
import { bytesOf, LINES_PLACE, type LinesText, linesText, MESSAGE_PLACE } from './linesText.ts';

/** JSON of a value, as a byte string. @throws NotCompiled where graphql-js must have a look. */
type Write = (value: unknown) => string;
/** The same of lines, with a separator between two. */
type WriteLines = (source: LinesSource, separator: string) => LinesText;

/** The compiled text does not exist for this operation or value; not an error that anybody sees. */
export class NotCompiled extends Error {
  override readonly name = 'NotCompiled';
}

export interface CompiledOperation {
  /**
   * The whole result, `{"data":{…}}` and what shall follow it, for the value that the source gave, behind `room` bytes
   * that mean nothing. @throws NotCompiled
   */
  result(rootValue: unknown, ending: string, room: number): Buffer;
  /** The same for each of the lines, where the root field is an event. @throws NotCompiled */
  lineResults(source: LinesSource, ending: string): readonly Buffer[];
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
  const fields = compiler.fields(root, [operation.selectionSet], true);
  const write = object(fields);
  const [field] = fields;
  return {
    result: (rootValue, ending, room) => {
      compiler.lines = [];
      return bytesOf(`{"data":${write(rootValue)}}${ending}`, compiler.lines, room);
    },
    lineResults: (source, ending) => {
      if (field?.writeLines == null || fields.length > 1) throw new NotCompiled();
      const before = `{"data":${field.before}`;
      const after = `}}${ending}`;
      const lines = field.writeLines(source, `${after}${SPLIT}${before}`);
      return split(bytesOf(`${before}${LINES_PLACE}${after}`, [lines], 0));
    },
  };
};

/** A field of an object. */
interface Field {
  /** Its name in the schema. */
  readonly name: string;
  /** What stands before its value: a brace or a comma, and the name in the response. */
  readonly before: string;
  readonly write: Write;
  /** Where its value is an event, and so may be lines. */
  readonly writeLines: WriteLines | null;
}

const object = (fields: readonly Field[]): Write => {
  if (fields.length === 0) return constant('{}');
  return (source) => {
    let text = '';
    for (const { before, write } of fields) text += before + write(source);
    return `${text}}`;
  };
};

/** A character that JSON has not as it is, between two texts. */
const SPLIT = '\x01';

/** The texts between SPLITs, in the same memory. */
const split = (bytes: Buffer): readonly Buffer[] => {
  const texts: Buffer[] = [];
  let from = 0;
  const byte = SPLIT.charCodeAt(0);
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, from)) {
    texts.push(bytes.subarray(from, at));
    from = at + 1;
  }
  texts.push(bytes.subarray(from));
  return texts;
};

class Compiler {
  /** Of the lines in the result that is being made, in order. */
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
    // Resolvers below a subscription's root look at their source alone; one that wanted more would throw here.
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

  /** Lines where the type may be one. Of a line its seq and its message are its own; the rest they all share. */
  #lines(type: GraphQLAbstractType, sets: readonly SelectionSetNode[]): WriteLines | null {
    const line = this.#schema.getPossibleTypes(type).find(({ name }) => name === 'LogLine');
    if (line === undefined) return null;
    const fields = this.fields(line, sets);
    const placesOfEach = fields.filter(({ name }) => name === 'seq').length;
    return ({ runId, lines }, separator) => {
      const [first] = lines.events(1);
      const source = first && eventSource(runId, first);
      const template = (seqPlace: string): string => {
        let text = fields.length === 0 ? '{' : '';
        for (const { name, before, write } of fields) {
          text += before + (name === 'seq' ? seqPlace : name === 'message' ? MESSAGE_PLACE : write(source));
        }
        return `${text}}`;
      };
      return linesText(lines, template, placesOfEach, separator);
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
    return (value) => (typeof value === 'string' ? byteString(JSON.stringify(value)) : notCompiled());
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
    const text: string | undefined = JSON.stringify(type.coerceOutputValue(value));
    if (text === undefined) return notCompiled();
    last = value;
    lastText = byteString(text);
    return lastText;
  };
};

/** The text with a character for each byte of its UTF-8, as PlainLines has it; most are so already. */
const byteString = (text: string): string =>
  Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');

const notCompiled = (): never => {
  throw new NotCompiled();
};
